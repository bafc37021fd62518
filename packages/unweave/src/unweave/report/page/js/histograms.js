// A small histogram per code dimension, against the prior.

function histograms(content) {
  const boxes = content.order.map((d, k) => histogramBox(content.dimensions[d], content.histograms[k]));
  const key = h("p", { class: "key small" },
    h("span", { class: "swatch codes" }), "codes z ~ q(z|x)", h("span", { class: "swatch prior" }), "prior");
  return h("div", {}, key, h("div", { class: "histograms" }, boxes));
}

function histogramBox(dimension, histogram) {
  const [width, height] = [180, 70];
  const count = histogram.codes.length;
  const most = Math.max(...histogram.codes, ...histogram.prior, 1e-12);
  const x = (i) => (width * i) / count;
  const y = (v) => height - (height - 4) * (v / most);
  const steps = (values) => values.flatMap((v, i) => [`${x(i)},${y(v)}`, `${x(i + 1)},${y(v)}`]).join(" ");
  const value = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const i = Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * count)));
    const at = histogram.low + ((i + 0.5) / count) * (histogram.high - histogram.low);
    tooltip.show(event, h("b", {}, `${dimension.name} ≈ ${number(at)}`),
      h("div", {}, `codes: density ${number(histogram.codes[i], 3)}`), h("div", {}, `prior: density ${number(histogram.prior[i], 3)}`));
  };
  return h("figure", { class: `histogram${dimension.active ? "" : " inactive"}` },
    h("figcaption", {}, h("b", {}, dimension.name), dimension.active ? "" : " inactive"),
    svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", onpointermove: value, onpointerleave: () => tooltip.hide() },
      svg("polygon", { class: "area", points: `0,${height} ${steps(histogram.codes)} ${width},${height}` }),
      svg("polyline", { class: "outline", points: steps(histogram.prior) })),
    h("span", { class: "ends small muted" }, h("span", {}, number(histogram.low, 1)), h("span", {}, number(histogram.high, 1))));
}
