// Loss curves by uPlot: a chart per term, whose cursors and zooms move together.

const LINEAR = 1;
const LOG = 3;
const ARCSINH = 4;

const VIEWS = {
  terms: (values) => values,
  weighed: (values, weights) => values.map((v, i) => (v === null ? null : v * (weights ? weights[i] : 1))),
  weights: (values, weights) => weights,
};

class Losses {
  constructor(runs) {
    this.runs = runs;
    this.names = [...new Set(runs.flatMap((run) => Object.keys(run.losses.terms)))];
    Object.assign(this, { view: "terms", log: false, charts: [] });
    this.grid = h("div", { class: "charts" });
    const weighted = runs.some((run) => Object.keys(run.losses.weights).length);
    const view = weighted
      ? choice("Show", [["terms", "terms before weights"], ["weighed", "weight × term"], ["weights", "weights"]], (v) => { this.view = v; this.build(); }).element
      : null;
    const scale = choice("Scale", [["linear", "linear"], ["log", "logarithmic"]], (v) => { this.log = v === "log"; this.build(); }).element;
    this.element = h("div", {},
      h("div", { class: "toolbar" }, view, scale, button("Whole run", () => this.zoomOut())),
      h("p", { class: "muted small" }, "Drag across a chart to zoom all of them; double-click to see the whole run."),
      this.grid);
    addEventListener("themechange", () => this.build());
    new ResizeObserver(oncePerFrame(() => this.resize())).observe(this.grid);
    this.build();
  }

  build() {
    this.charts.forEach((chart) => chart.destroy());
    this.charts = [];
    this.grid.replaceChildren();
    const shown = this.names
      .map((name) => ({ name, found: this.runs.map((run) => this.values(run, name)) }))
      .filter(({ found }) => found.some(Boolean));
    // All places first: a chart takes the width that its place has.
    const holders = shown.map(({ name }) =>
      h("figure", { class: "chart" }, h("figcaption", {}, name.replaceAll("_", " "))));
    this.grid.append(...holders);
    shown.forEach(({ found }, i) => this.addChart(holders[i], found));
  }

  values(run, name) {
    const terms = run.losses.terms[name];
    const weights = run.losses.weights[name];
    return terms ? VIEWS[this.view](terms, weights) ?? null : null;
  }

  addChart(holder, found) {
    const steps = [...new Set(this.runs.flatMap((run) => run.losses.steps))].sort((a, b) => a - b);
    const data = [steps, ...found.map((values, r) => align(steps, this.runs[r].losses.steps, values))];
    const flat = data.slice(1).flat().filter((v) => v !== null);
    const distribution = !this.log ? LINEAR : flat.every((v) => v > 0) ? LOG : ARCSINH;
    this.charts.push(new uPlot(this.options(distribution, steps.length, holder), data, holder));
  }

  options(distribution, count, holder) {
    const colours = themeColours();
    const axis = { stroke: colours.quiet, grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const series = this.runs.map((run, r) => ({
      label: this.runs.length > 1 ? run.title : "value", stroke: PALETTE[r % PALETTE.length], width: 1.5, spanGaps: true,
      points: { show: count < 30, size: 5 }, value: (_, v) => number(v, 3),
    }));
    return {
      width: Math.max(200, holder.clientWidth), height: 170,
      cursor: { sync: { key: "losses" }, drag: { x: true, y: false } },
      legend: { live: true },
      scales: { x: { time: false }, y: { distr: distribution, log: 10, asinh: 1 } },
      axes: [{ ...axis, size: 26, values: (_, v) => v.map(shortCount) }, { ...axis, size: 52, values: (_, v) => v.map((t) => (t === null ? "" : shortNumber(t))) }],
      series: [{ label: "step" }, ...series],
      hooks: { setScale: [(chart, key) => { if (key === "x") this.zoom(chart); }] },
    };
  }

  zoom(source) {
    if (this.zooming) return;
    this.zooming = true;
    const { min, max } = source.scales.x;
    for (const chart of this.charts) if (chart !== source && min !== null) chart.setScale("x", { min, max });
    this.zooming = false;
  }

  zoomOut() {
    for (const chart of this.charts) chart.setData(chart.data);
  }

  resize() {
    this.charts.forEach((chart) => {
      const width = chart.root.parentElement.clientWidth;
      if (width && width !== chart.width) chart.setSize({ width, height: 170 });
    });
  }
}

function align(steps, own, values) {
  if (!values) return steps.map(() => null);
  const known = new Map(own.map((step, i) => [step, values[i]]));
  return steps.map((step) => known.get(step) ?? null);
}

const shortCount = (v) => (v >= 1e6 ? `${v / 1e6}M` : v >= 1000 ? `${v / 1000}k` : String(v));
const shortNumber = (v) => (v !== 0 && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3) ? v.toExponential(0) : String(Number(v.toPrecision(4))));
