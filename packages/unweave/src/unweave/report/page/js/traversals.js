// Traversals: a row per code dimension; several images side by side and animated, or one image
// and the whole range in a strip.

const FRAMES = 16;
const MOST_CHOSEN = 8;

const RANGES = {
  codes: (d) => d.codes,
  prior: (d) => d.prior,
  spread: (d) => [d.mean - 3 * d.spread, d.mean + 3 * d.spread],
};

class Traversals {
  constructor(content, painter) {
    Object.assign(this, { content, painter });
    this.sheet = startSheet(content);
    this.chosen = content.starts.codes.map((_, i) => i).slice(0, MOST_CHOSEN);
    // Where no dimension is active, all are shown at first, and the box says so.
    const all = !content.order.some((d) => content.dimensions[d].active);
    Object.assign(this, { range: "codes", view: "animated", all, steps: 9, custom: [-2, 2] });
    this.table = h("div", { class: "traversals" });
    this.movie = player((t) => this.showFrame(t));
    const said = content.dimensions.some((d) => d.kl !== null)
      ? h("p", { class: "muted small" }, "KL: mean divergence of q(z|x) to the prior in that dimension, in nats. The dimension with the largest comes first.")
      : null;
    this.element = h("div", {}, this.controls(), this.strip(), ...[said].filter(Boolean), this.table);
    this.build();
    // Frames are shown only while the section is on the screen.
    new IntersectionObserver(([entry]) => this.watch(entry.isIntersecting)).observe(this.table);
  }

  controls() {
    const [low, high] = [0, 1].map((k) =>
      h("input", { type: "number", step: 0.5, value: this.custom[k], "aria-label": k ? "to" : "from",
        oninput: (event) => { this.custom[k] = Number(event.target.value); this.build(); } }));
    const custom = h("span", { class: "control custom", hidden: true }, low, " to ", high);
    const range = choice("Range", [["codes", "2 % to 98 % of the codes"], ["prior", "2 % to 98 % of the prior"],
      ["spread", "mean ± 3 standard deviations"], ["custom", "from … to …"]], (value) => {
      this.range = value;
      custom.hidden = value !== "custom";
      this.build();
    });
    const view = choice("View", [["animated", "animated, several images"], ["strip", "strip, the first image"]], (value) => {
      this.view = value;
      this.build();
    });
    const steps = h("input", { type: "range", min: 3, max: 15, value: this.steps, "aria-label": "pictures per row",
      oninput: (event) => { this.steps = Number(event.target.value); this.build(); } });
    this.stepsControl = h("label", { class: "control" }, h("span", {}, "Pictures"), steps);
    this.playButton = button("Pause", () => {
      this.paused = !this.paused;
      this.playButton.textContent = this.paused ? "Play" : "Pause";
      this.watch(true);
    });
    const inactive = this.content.order.some((d) => !this.content.dimensions[d].active)
      ? checkbox("inactive dimensions", this.all, (on) => { this.all = on; this.build(); })
      : null;
    return h("div", { class: "toolbar" }, view.element, range.element, custom, this.stepsControl, inactive, this.playButton);
  }

  strip() {
    this.thumbs = this.content.starts.codes.map((_, i) => {
      const face = pictureCanvas(this.content.shape, {});
      this.sheet.ready.then(() => this.sheet.draw(face, i));
      return h("button", { type: "button", class: "thumb", title: this.content.starts.labels[i],
        "aria-label": `traverse image ${i + 1}`, onclick: () => this.toggle(i) }, face);
    });
    return h("div", { class: "strip", role: "group", "aria-label": "images to traverse" }, this.thumbs);
  }

  toggle(i) {
    const at = this.chosen.indexOf(i);
    if (this.view === "strip") this.chosen = [i, ...this.chosen.filter((j) => j !== i)];
    else if (at >= 0 && this.chosen.length > 1) this.chosen.splice(at, 1);
    else if (at < 0) this.chosen = [...this.chosen, i].slice(-MOST_CHOSEN);
    this.build();
  }

  ends(d) {
    return this.range === "custom" ? this.custom : RANGES[this.range](this.content.dimensions[d]);
  }

  // One job per picture: where it goes, and the code that it is of.
  build() {
    this.stop?.();
    const { content } = this;
    const shown = content.order.filter((d) => this.all || content.dimensions[d].active);
    const animated = this.view === "animated";
    this.stepsControl.hidden = animated;
    this.playButton.hidden = !animated;
    this.thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(animated ? this.chosen.includes(i) : i === this.chosen[0])));
    const columns = animated ? this.chosen : Array(this.steps).fill(this.chosen[0]);
    const count = animated ? FRAMES : 1;
    this.cells = [];
    const jobs = [];
    const rows = shown.map((d) => {
      const [low, high] = this.ends(d);
      const pictures = columns.map((start, column) => {
        const cell = { canvas: pictureCanvas(content.shape, {}), frames: [] };
        const base = content.starts.codes[start];
        for (let f = 0; f < count; f++) {
          const share = animated ? f / (FRAMES - 1) : column / (this.steps - 1);
          jobs.push({ cell, f, base, d, value: low + (high - low) * share });
        }
        this.cells.push(cell);
        return cell.canvas;
      });
      return this.row(d, pictures);
    });
    const head = animated ? this.row(null, columns.map((start) => this.original(start))) : null;
    this.table.style.setProperty("--columns", columns.length);
    const none = shown.length ? null : h("p", { class: "note" }, "No dimension is active; tick “inactive dimensions” to see what they do.");
    this.table.replaceChildren(...[none, head, ...rows].filter(Boolean));
    if (animated) jobs.sort((a, b) => order(a.f) - order(b.f));
    this.stop = inSlices(() => this.work(jobs));
  }

  row(d, pictures) {
    const dimension = d === null ? null : this.content.dimensions[d];
    const name = dimension ? [h("b", {}, dimension.name), h("span", { class: "muted small kl" }, dimension.kl === null ? "" : `KL ${twoDecimals(Math.max(0, dimension.kl))}`)] : h("span", { class: "muted small" }, "image");
    return h("div", { class: `traversal${dimension && !dimension.active ? " inactive" : ""}` }, h("span", { class: "name" }, name), pictures);
  }

  original(start) {
    const canvas = pictureCanvas(this.content.shape, { class: "picture original" });
    this.sheet.ready.then(() => this.sheet.draw(canvas, start));
    return canvas;
  }

  work(jobs) {
    const job = jobs.shift();
    if (!job) return false;
    const code = Float32Array.from(job.base);
    code[job.d] = job.value;
    const picture = this.painter.data(code);
    job.cell.frames[job.f] = picture;
    if (job.cell.frames.filter(Boolean).length === 1) job.cell.canvas.getContext("2d").putImageData(picture, 0, 0);
    return true;
  }

  watch(visible) {
    if (visible && !this.paused && !calm() && this.view === "animated") this.movie.play();
    else this.movie.stop();
    if (visible && calm() && this.paused === undefined) this.playButton.textContent = "Play";
  }

  showFrame(t) {
    if (this.view !== "animated") return;
    const place = Math.round((0.5 - 0.5 * Math.cos(t * 1.8)) * (FRAMES - 1));
    if (place === this.place) return;
    this.place = place;
    for (const { canvas, frames } of this.cells) {
      if (frames[place]) canvas.getContext("2d").putImageData(frames[place], 0, 0);
    }
  }
}

// The middle first, then the ends, then what lies between: the movie is soon about right.
const order = (f) => (f === FRAMES / 2 ? 0 : f === 0 || f === FRAMES - 1 ? 1 : f % 4 === 0 ? 2 : f % 2 === 0 ? 3 : 4);
