// The explorer: a slider per code dimension, and the picture that the decoder makes of the code.

const SLIDER_STEPS = 400;

function explorer(content, painter) {
  const sheet = content.continuous ? null : startSheet(content);
  return painter?.decode
    ? new Explorer(content, painter, sheet).element
    : gridExplorer(content, sheet, painter);
}

function sliderRange(dimension) {
  const low = Math.min(dimension.codes[0], dimension.prior[0]);
  const high = Math.max(dimension.codes[1], dimension.prior[1]);
  const room = 0.25 * (high - low || 1);
  return [low - room, high + room];
}

// A density as the area behind a slider.
function ridge(histogram, [low, high]) {
  const [width, height] = [200, 24];
  const most = Math.max(...histogram.codes, ...histogram.prior, 1e-12);
  const x = (i) =>
    (width * (histogram.low + (i / histogram.codes.length) * (histogram.high - histogram.low) - low)) /
    (high - low);
  const line = (values) =>
    values.map((v, i) => `${x(i + 0.5).toFixed(1)},${(height * (1 - v / most)).toFixed(1)}`);
  const area = [`${x(0)},${height}`, ...line(histogram.codes), `${x(histogram.codes.length)},${height}`];
  return svg(
    "svg",
    { class: "ridge", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("polygon", { points: area.join(" "), class: "area" }),
    svg("polyline", { points: line(histogram.prior).join(" "), class: "outline" }),
  );
}

class Explorer {
  constructor(content, painter, sheet) {
    Object.assign(this, { content, painter, sheet });
    this.code = Float32Array.from(content.starts.codes[0]);
    this.start = Float32Array.from(this.code);
    this.ends = [];
    this.refresh = oncePerFrame(() => this.draw());
    this.element = h("div", { class: "explorer" }, this.makeStage(), this.makeSliders());
    this.element.append(this.makeStarts());
    if (content.continuous) addEventListener("themechange", this.refresh);
    this.tour = player((t) => this.showTour(t));
    this.blend = player((t) => this.showBlend(0.5 - 0.5 * Math.cos(t * 1.6)));
    this.from(0);
  }

  makeStage() {
    const { content } = this;
    this.canvas = content.continuous
      ? h("canvas", { width: 480, height: 480, class: "plane" })
      : pictureCanvas(content.shape, {});
    this.canvas.id = "explorer-picture";
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "the decoder's picture of the code");
    this.original = this.sheet ? pictureCanvas(content.shape, { class: "picture original" }) : null;
    this.origin = h("figcaption", {});
    this.speed = h("p", { class: "muted small", id: "explorer-speed" });
    const caption = this.original ? h("figure", {}, this.original, this.origin) : this.origin;
    return h("div", { class: "stage" }, this.canvas, h("div", { class: "beside" }, caption), this.speed);
  }

  makeSliders() {
    const { content } = this;
    this.sliders = content.order.map((d, k) => this.makeSlider(d, content.histograms[k]));
    const rows = (active) =>
      this.sliders.filter((s) => content.dimensions[s.d].active === active).map((s) => s.row);
    const [active, inactive] = [rows(true), rows(false)];
    const rest = inactive.length
      ? h("details", { open: !active.length },
          h("summary", {}, `${inactive.length} inactive ${inactive.length > 1 ? "dimensions" : "dimension"}: hardly anything depends on ${inactive.length > 1 ? "them" : "it"}`),
          inactive)
      : null;
    const left = content.dimensions.length - content.order.length;
    return h("div", { class: "sliders" },
      h("p", { class: "muted small" }, "Ordered by mean KL divergence, in nats. Behind each slider: the codes of the data (filled) and the prior (line)."),
      active, rest,
      left > 0 ? h("p", { class: "muted small" }, `${left} less informative dimensions are left out.`) : null);
  }

  makeSlider(d, histogram) {
    const dimension = this.content.dimensions[d];
    const [low, high] = sliderRange(dimension);
    const input = h("input", {
      type: "range", min: low, max: high, step: (high - low) / SLIDER_STEPS,
      "aria-label": `code dimension ${d + 1}`, data: { dimension: d },
      oninput: () => {
        this.rest();
        this.code[d] = Number(input.value);
        this.refresh();
      },
    });
    const value = h("output", {});
    const small = () => (this.sheet ? pictureCanvas(this.content.shape, { class: "picture end", title: "the picture at this end of the slider" }) : null);
    const ends = [small(), small()];
    ends.forEach((end, k) => end?.addEventListener("click", () => {
      this.rest();
      this.code[d] = k ? dimension.codes[1] : dimension.codes[0];
      this.refresh();
    }));
    const measure = dimension.kl === null ? `sd ${twoDecimals(dimension.deviation)}` : `KL ${twoDecimals(Math.max(0, dimension.kl))}`;
    const row = h("div", { class: `slider${dimension.active ? "" : " inactive"}` },
      h("span", { class: "name" }, dimension.name), h("span", { class: "muted small" }, measure),
      ends[0], h("span", { class: "track" }, ridge(histogram, [low, high]), input), ends[1], value);
    return { d, input, value, row, ends, range: dimension.codes };
  }

  makeStarts() {
    const { content } = this;
    this.thumbs = content.starts.codes.map((_, i) => {
      const face = this.sheet ? pictureCanvas(content.shape, {}) : h("span", {}, String(i + 1));
      this.sheet?.ready.then(() => this.sheet.draw(face, i));
      return h("button", { type: "button", class: "thumb", title: content.starts.labels[i],
        "aria-label": `start from image ${i + 1}`, onclick: () => this.pick(i) }, face);
    });
    this.t = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "position between the two images",
      oninput: () => { this.blend.stop(); this.showBlend(Number(this.t.value)); } });
    this.blendRow = h("div", { class: "blend", hidden: true },
      h("span", { class: "muted small" }, "Choose the second image below."), this.t,
      button("Play", () => (this.blend.playing ? this.blend.stop() : this.blend.play())),
      button("Done", () => this.endBlend()));
    const what = content.samples.source === "density" ? "Sample the fitted density" : "Sample the prior";
    const noun = this.sheet ? "image" : "row";
    this.tourButton = button("Play a tour", () => this.toggleTour(), { class: "primary", id: "explorer-tour" });
    return h("div", { class: "starts" },
      h("div", { class: "toolbar" },
        this.tourButton,
        button(what, () => this.sample(), { id: "explorer-sample" }),
        button(`Random ${noun}`, () => this.pick(Math.floor(Math.random() * this.thumbs.length))),
        button(`Between two ${noun}s`, () => this.beginBlend(), { id: "explorer-blend" }),
        button("Back to the start", () => { this.rest(); this.code.set(this.start); this.refresh(); })),
      this.blendRow,
      h("div", { class: "strip", role: "group", "aria-label": `${noun}s to start from` }, this.thumbs));
  }

  // Ends what plays, as soon as the reader takes a slider.
  rest() {
    this.tour.stop();
    this.tourButton.textContent = "Play a tour";
    this.blend.stop();
  }

  setStart(code, text, index = null) {
    this.rest();
    this.code.set(code);
    this.start.set(code);
    this.index = index;
    this.origin.textContent = text;
    if (this.original) {
      this.original.hidden = index === null;
      if (index !== null) this.sheet.ready.then(() => this.sheet.draw(this.original, index));
    }
    this.thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(i === index)));
    this.refresh();
    this.drawEnds();
  }

  from(index) {
    this.setStart(this.content.starts.codes[index], this.content.starts.labels[index], index);
  }

  pick(index) {
    if (this.blendRow.hidden) return this.from(index);
    this.second = index;
    this.thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(i === index || i === this.index)));
    this.blend.stop();
    return calm() ? this.showBlend(0.5) : this.blend.play();
  }

  sample() {
    this.endBlend();
    const { codes, source } = this.content.samples;
    this.setStart(random(codes), source === "density" ? "a code from the fitted density" : "a code from the prior");
  }

  beginBlend() {
    if (this.index === null) this.from(0);
    this.rest();
    this.second = null;
    this.blendRow.hidden = false;
  }

  endBlend() {
    this.blend.stop();
    this.blendRow.hidden = true;
  }

  showBlend(t) {
    if (this.second === null || this.second === undefined) return;
    const [a, b] = [this.start, this.content.starts.codes[this.second]];
    this.code.forEach((_, d) => { this.code[d] = (1 - t) * a[d] + t * b[d]; });
    this.t.value = t;
    this.refresh();
  }

  toggleTour() {
    if (this.tour.playing) {
      this.rest();
      this.refresh();
    } else {
      this.endBlend();
      this.tour.play();
      this.tourButton.textContent = "Stop the tour";
    }
  }

  // One dimension after the other swings once over its range, from where it is.
  showTour(t) {
    const active = this.sliders.filter((s) => this.content.dimensions[s.d].active);
    const list = active.length ? active : this.sliders;
    const phase = t / 3;
    const slider = list[Math.floor(phase) % list.length];
    const [low, high] = slider.range;
    const begin = Math.asin(Math.min(1, Math.max(-1, (2 * (this.start[slider.d] - low)) / (high - low || 1) - 1)));
    this.code.set(this.start);
    this.code[slider.d] = low + ((high - low) * (1 + Math.sin(begin + 2 * Math.PI * (phase % 1)))) / 2;
    this.sliders.forEach((s) => s.row.classList.toggle("touring", s === slider));
    this.refresh();
  }

  draw() {
    const pixels = this.painter.decode(this.code);
    if (this.content.continuous) drawPlane(this.canvas, this.content.plane, pixels, themeColours());
    else this.canvas.getContext("2d").putImageData(imageData(pixels, this.content.shape), 0, 0);
    this.tellSpeed();
    for (const { d, input, value } of this.sliders) {
      input.value = this.code[d];
      value.textContent = twoDecimals(this.code[d]);
    }
    if (!this.tour.playing) this.sliders.forEach((s) => s.row.classList.remove("touring"));
    if (!this.tour.playing && !this.blend.playing) this.drawEnds();
  }

  tellSpeed() {
    const off = this.painter.checked;
    const same = off === 0 ? "the same as PyTorch's picture" : `at most ${Math.round(off * 255)}/255 from PyTorch's picture`;
    const match = this.content.continuous ? "" : ` · ${same}`;
    this.speed.textContent = `Decoded in this page, ${number(this.painter.decode.median(), 1)} ms per picture${match}.`;
    this.speed.dataset.checked = off;
  }

  // The pictures at both ends of every slider, a little later and a few at a time.
  drawEnds() {
    if (!this.sheet) return;
    this.stopEnds?.();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      const jobs = this.sliders.filter((s) => s.row.offsetParent).flatMap((s) => [0, 1].map((k) => [s, k]));
      const code = Float32Array.from(this.code);
      this.stopEnds = inSlices(() => {
        const job = jobs.shift();
        if (!job) {
          this.tellSpeed();
          return false;
        }
        const [slider, k] = job;
        const kept = code[slider.d];
        code[slider.d] = slider.range[k];
        this.painter.paint(slider.ends[k], code);
        code[slider.d] = kept;
        return true;
      });
    }, 120);
  }
}
