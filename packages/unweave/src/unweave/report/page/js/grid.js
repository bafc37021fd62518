// The explorer of a page without a decoder: traversals that were computed with the report.

function gridExplorer(content, sheet, painter) {
  const why = painter
    ? `This browser's pictures differ from PyTorch's by ${Math.round(painter.checked * 255)}/255.`
    : content.reason;
  if (!content.grid) return h("p", { class: "note" }, why);
  const { grid } = content;
  const cells = new Sheet(grid.sprite, content.shape, grid.values[0].length);
  const canvas = pictureCanvas(content.shape, { id: "explorer-picture" });
  const original = pictureCanvas(content.shape, { class: "picture original" });
  const origin = h("figcaption", {});
  let image = 0;
  const show = (k, v) =>
    cells.ready.then(() => cells.draw(canvas, (image * grid.dimensions.length + k) * grid.values[0].length + v));
  const rows = grid.dimensions.map((d, k) => {
    const dimension = content.dimensions[d];
    const value = h("output", {});
    const input = h("input", { type: "range", min: 0, max: grid.values[k].length - 1, step: 1, "aria-label": `code dimension ${d + 1}`,
      oninput: () => {
        rows.forEach((row) => row.input !== input && row.reset());
        value.textContent = twoDecimals(grid.values[k][input.value]);
        show(k, Number(input.value));
      } });
    const reset = () => {
      const code = content.starts.codes[image][d];
      const nearest = grid.values[k].reduce((best, v, i) => (Math.abs(v - code) < Math.abs(grid.values[k][best] - code) ? i : best), 0);
      input.value = nearest;
      value.textContent = twoDecimals(code);
    };
    const element = h("div", { class: "slider" }, h("span", { class: "name" }, dimension.name),
      h("span", { class: "muted small" }, dimension.kl === null ? `sd ${twoDecimals(dimension.deviation)}` : `KL ${twoDecimals(Math.max(0, dimension.kl))}`),
      h("span", { class: "track" }, input), value);
    return { element, input, reset };
  });
  const pick = (i) => {
    image = i;
    rows.forEach((row) => row.reset());
    origin.textContent = content.starts.labels[i];
    sheet.ready.then(() => sheet.draw(original, i));
    if (rows.length) show(0, Number(rows[0].input.value));
  };
  const thumbs = Array.from({ length: grid.images }, (_, i) => {
    const face = pictureCanvas(content.shape, {});
    sheet.ready.then(() => sheet.draw(face, i));
    return h("button", { type: "button", class: "thumb", title: content.starts.labels[i], "aria-label": `start from image ${i + 1}`, onclick: () => pick(i) }, face);
  });
  pick(0);
  return h("div", {},
    h("p", { class: "note", id: "explorer-fallback" }, `${why} So the sliders show pictures that were computed with the report: one dimension at a time, from ${grid.images === 1 ? "one image" : `${grid.images} images`}.`),
    h("div", { class: "explorer" },
      h("div", { class: "stage" }, canvas, h("div", { class: "beside" }, h("figure", {}, original, origin))),
      h("div", { class: "sliders" }, rows.map((row) => row.element)),
      h("div", { class: "starts" }, h("div", { class: "strip" }, thumbs))));
}
