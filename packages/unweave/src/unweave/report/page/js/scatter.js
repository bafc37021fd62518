// Codes as points: two dimensions, or an embedding, coloured by a factor.

// As report/style.py.
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#6b6b6b"];
const MANY_CLASSES = 12;
// From blue to orange, told apart by everyone, and seen on white and on black.
const SCALE = [[0, 114, 178], [125, 140, 150], [230, 159, 0]];

function scaleColour(share) {
  const place = Math.min(0.9999, Math.max(0, share)) * (SCALE.length - 1);
  const [a, b] = [SCALE[Math.floor(place)], SCALE[Math.floor(place) + 1]];
  const mixed = a.map((v, i) => Math.round(v + (b[i] - v) * (place % 1)));
  return `rgb(${mixed.join(",")})`;
}

const SHAPES = [
  (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
  (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r),
  (c, x, y, r) => { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.2 * r, y + r); c.lineTo(x - 1.2 * r, y + r); c.closePath(); },
];

class Scatter {
  constructor(content) {
    Object.assign(this, { content, lit: null, prior: true });
    const { points, order } = content;
    const columns = (text, count) => {
      const all = floatsOfBase64(text, "float16");
      return order.map((_, k) => all.subarray(k * count, (k + 1) * count));
    };
    this.sources = { codes: columns(points.codes, points.count), means: columns(points.means, points.count) };
    this.priorColumns = columns(points.prior, points.priorCount);
    this.embeddings = content.embeddings.map((e) => {
      const all = floatsOfBase64(e.points, "float16");
      return { name: e.name, x: all.subarray(0, points.count), y: all.subarray(points.count) };
    });
    // An embedding was asked for, so it comes first.
    const view = this.embeddings.length ? 0 : "codes";
    Object.assign(this, { source: "codes", view, x: 0, y: Math.min(1, order.length - 1) });
    this.factor = content.factors.findIndex((f) => f.size > 1 && f.size <= MANY_CLASSES);
    if (this.factor < 0 && content.factors.length) this.factor = 0;
    this.canvas = h("canvas", { class: "scatter", role: "img", "aria-label": "codes as points",
      onpointermove: (event) => this.hover(event), onpointerleave: () => tooltip.hide() });
    this.legend = h("div", { class: "legend" });
    this.element = h("div", {}, this.controls(), h("div", { class: "scatter-frame" }, this.canvas, this.legend));
    this.redraw = oncePerFrame(() => this.draw());
    new ResizeObserver(this.redraw).observe(this.canvas);
    addEventListener("themechange", this.redraw);
    this.drawLegend();
  }

  controls() {
    const { content } = this;
    const axes = content.order.map((d, k) => [k, `${content.dimensions[d].name}${content.dimensions[d].active ? "" : " (inactive)"}`]);
    const set = (key) => (value) => { this[key] = Number(value); this.redraw(); };
    const x = choice("Across", axes, set("x"), 0);
    const y = choice("Up", axes, set("y"), this.y);
    const draws = choice("Points", [["codes", "draws z ~ q(z|x)"], ["means", "means of q(z|x)"]], (v) => { this.source = v; this.redraw(); });
    const colours = [[-1, "none"], ...content.factors.map((f, i) => [i, f.name])];
    const colour = content.factors.length ? choice("Colour", colours, (v) => { this.factor = Number(v); this.lit = null; this.drawLegend(); this.redraw(); }, this.factor) : null;
    const prior = checkbox("prior", true, (on) => { this.prior = on; this.redraw(); });
    const show = () => {
      for (const element of [x.element, y.element, draws.element, prior]) element.hidden = this.view !== "codes";
    };
    const view = this.embeddings.length
      ? choice("View", [...this.embeddings.map((e, i) => [i, e.name]), ["codes", "two dimensions"]], (v) => {
          this.view = v;
          show();
          this.redraw();
        })
      : null;
    show();
    return h("div", { class: "toolbar" }, view?.element, x.element, y.element, draws.element, colour?.element, prior);
  }

  points() {
    if (this.view !== "codes") return this.embeddings[this.view];
    const columns = this.sources[this.source];
    return { x: columns[this.x], y: columns[this.y] };
  }

  colourOf(value) {
    const factor = this.content.factors[this.factor];
    if (factor.size > MANY_CLASSES) return scaleColour(value / (factor.size - 1));
    return PALETTE[value % PALETTE.length];
  }

  drawLegend() {
    const factor = this.content.factors[this.factor];
    if (!factor) return this.legend.replaceChildren();
    if (factor.size > MANY_CLASSES) {
      const bar = h("span", { class: "scale", style: { background: `linear-gradient(to right, ${SCALE.map((c) => `rgb(${c.join(",")})`).join(",")})` } });
      return this.legend.replaceChildren(h("b", {}, factor.name), h("span", { class: "scale-row" }, "0", bar, String(factor.size - 1)));
    }
    const seen = [...new Set(factor.classes)].sort((a, b) => a - b);
    const entries = seen.map((value) =>
      button([h("span", { class: `swatch shape${Math.floor(value / PALETTE.length) % SHAPES.length}`, style: { backgroundColor: this.colourOf(value) } }), String(value)], () => {
        this.lit = this.lit === value ? null : value;
        this.drawLegend();
        this.redraw();
      }, { class: "legend-entry", "aria-pressed": String(this.lit === value) }));
    return this.legend.replaceChildren(h("b", {}, factor.name), ...entries);
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const { x, y } = this.points();
    const showPrior = this.prior && this.view === "codes";
    const all = (a, b) => (showPrior ? [...a, ...b] : [...a]);
    const [px, py] = [this.priorColumns[this.x], this.priorColumns[this.y]];
    const place = this.axes(context, width, height, all(x, px), all(y, py));
    const size = Math.min(5, Math.max(1.6, 60 / Math.sqrt(x.length)));
    const dot = (a, b, colour, alpha, radius, shape = 0) => {
      context.globalAlpha = alpha;
      context.fillStyle = colour;
      context.beginPath();
      SHAPES[shape](context, ...place(a, b), radius);
      context.fill();
    };
    const colours = themeColours();
    if (showPrior) px.forEach((v, i) => dot(v, py[i], colours.quiet, 0.35, 1.4));
    const factor = this.content.factors[this.factor];
    x.forEach((v, i) => {
      const value = factor?.classes[i];
      if (this.lit !== null && value !== this.lit) return dot(v, y[i], colours.quiet, 0.2, size);
      const shape = factor && factor.size <= MANY_CLASSES ? Math.floor(value / PALETTE.length) % SHAPES.length : 0;
      return dot(v, y[i], factor ? this.colourOf(value) : PALETTE[0], 0.8, size, shape);
    });
    context.globalAlpha = 1;
  }

  axes(context, width, height, xs, ys) {
    const bounds = (v) => {
      const [low, high] = [Math.min(...v), Math.max(...v)];
      const room = 0.04 * (high - low || 1);
      return [low - room, high + room];
    };
    const [left, bottom] = [38, 34];
    const [[xl, xh], [yl, yh]] = [bounds(xs), bounds(ys)];
    const place = (a, b) => [left + ((a - xl) / (xh - xl)) * (width - left - 6), 6 + ((yh - b) / (yh - yl)) * (height - bottom - 6)];
    this.place = place;
    if (this.view !== "codes") return place;
    const colours = themeColours();
    Object.assign(context, { strokeStyle: colours.line, fillStyle: colours.quiet, font: "11px system-ui, sans-serif", lineWidth: 1 });
    const label = (axis) => this.content.dimensions[this.content.order[axis]].name;
    for (const t of ticks(xl, xh)) {
      const [px] = place(t, yl);
      context.strokeRect(px, 6, 0, height - bottom - 6);
      context.textAlign = "center";
      context.fillText(String(t), px, height - bottom + 14);
    }
    for (const t of ticks(yl, yh)) {
      const [, py] = place(xl, t);
      context.strokeRect(left, py, width - left - 6, 0);
      context.textAlign = "right";
      context.fillText(String(t), left - 5, py + 4);
    }
    Object.assign(context, { fillStyle: colours.strong, font: "13px system-ui, sans-serif", textAlign: "center" });
    context.fillText(label(this.x), left + (width - left) / 2, height - 5);
    context.fillText(label(this.y), 10, (height - bottom) / 2);
    return place;
  }

  hover(event) {
    const { x, y } = this.points();
    const box = this.canvas.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top];
    let [best, nearest] = [-1, 100];
    x.forEach((v, i) => {
      const [a, b] = this.place(v, y[i]);
      const distance = (a - at[0]) ** 2 + (b - at[1]) ** 2;
      if (distance < nearest) [best, nearest] = [i, distance];
    });
    if (best < 0 || !this.content.factors.length) return tooltip.hide();
    return tooltip.show(event, ...this.content.factors.map((f) => h("div", {}, `${f.name}: ${f.classes[best]}`)));
  }
}

// About five round numbers between two.
function ticks(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const found = [];
  for (let t = Math.ceil(low / step); t * step <= high; t++) found.push(Number((t * step).toPrecision(6)));
  return found;
}
