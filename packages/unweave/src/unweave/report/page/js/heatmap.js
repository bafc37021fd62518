// A matrix of factors and code dimensions as a table of coloured cells.

function heatmap(content) {
  const table = h("div", { class: "heatmap-frame" });
  const factors = content.factorNames;
  const columns = content.order;
  const draw = (index) => {
    const { name, values } = content.matrices[index];
    const shown = values.map((row) => columns.map((d) => row[d]));
    const most = Math.max(...shown.flat().map((v) => Math.abs(v ?? 0)), 1e-12);
    const head = h("tr", {}, h("td", {}), columns.map((d) =>
      h("th", { scope: "col", class: content.dimensions[d].active ? "" : "inactive" }, content.dimensions[d].name)));
    const rows = shown.map((row, k) =>
      h("tr", {}, h("th", { scope: "row" }, factors[k]), row.map((value, j) => cell(value, k, j, name, most))));
    table.replaceChildren(h("table", { class: "heatmap" }, h("thead", {}, head), h("tbody", {}, rows)));
  };
  const cell = (value, k, j, name, most) => {
    const dimension = content.dimensions[columns[j]];
    const share = Math.abs(value ?? 0) / most;
    const text = value === null ? "–" : value.toFixed(2);
    return h("td", {
      class: `${dimension.active ? "" : "inactive"}${share > 0.55 ? " bright" : ""}`,
      style: { backgroundColor: `color-mix(in oklab, var(--heat) ${Math.round(100 * share)}%, var(--cold))` },
      onpointermove: (event) => {
        mark(k, j);
        tooltip.show(event, h("b", {}, `${factors[k]} × ${dimension.name}`), h("br", {}), `${name}: ${number(value, 3)}`,
          dimension.active ? "" : h("div", {}, "inactive: its mean hardly moves"));
      },
      onpointerleave: () => { mark(-1, -1); tooltip.hide(); },
    }, h("span", {}, text));
  };
  const mark = (k, j) => {
    table.querySelectorAll("tbody tr").forEach((row, r) => {
      row.classList.toggle("marked", r === k);
      [...row.cells].forEach((c, i) => c.classList.toggle("marked", i - 1 === j));
    });
  };
  draw(0);
  const options = content.matrices.map((m, i) => [i, m.name]);
  const select = options.length > 1 ? choice("Matrix", options, (i) => draw(Number(i))).element : null;
  return h("div", {}, h("div", { class: "toolbar" }, select), table);
}
