// Pictures on canvases: decoded ones, and tiles of a sheet.

function pictureCanvas(shape, properties) {
  return h("canvas", { width: shape[1], height: shape[0], class: "picture", ...properties });
}

// Pixels in [0, 1] as c x h x w -> ImageData.
function imageData(pixels, [height, width, colours], image = new ImageData(width, height)) {
  const plane = height * width;
  for (let i = 0, o = 0; i < plane; i++, o += 4) {
    for (let c = 0; c < 3; c++) {
      // A clamped array rounds halves to even, as PyTorch does.
      image.data[o + c] = 255 * pixels[(colours === 1 ? 0 : c) * plane + i];
    }
    image.data[o + 3] = 255;
  }
  return image;
}

// A sheet of tiles in one picture.
class Sheet {
  constructor(source, [height, width], columns) {
    [this.height, this.width, this.columns] = [height, width, columns];
    this.image = new Image();
    this.ready = new Promise((resolve) => {
      this.image.onload = resolve;
    });
    this.image.src = source;
  }

  draw(canvas, number) {
    const context = canvas.getContext("2d");
    const x = (number % this.columns) * this.width;
    const y = Math.floor(number / this.columns) * this.height;
    context.drawImage(
      this.image, x, y, this.width, this.height, 0, 0, canvas.width, canvas.height,
    );
  }
}

const START_COLUMNS = 12;

function startSheet(content) {
  const count = content.starts.codes.length;
  return new Sheet(content.starts.sprite, content.shape, Math.min(count, START_COLUMNS));
}

// How pictures of codes come about: computed here, or none.
function makePainter(content) {
  if (!content.decoder) return null;
  const decode = timed(makeDecoder(content.decoder));
  const checked = compareWithPyTorch(content, decode);
  if (!(checked <= 1 / 255 + 1e-6)) return { decode: null, checked };
  return {
    decode,
    checked,
    data: (code) => imageData(decode(code), content.shape),
    paint: (canvas, code) =>
      canvas.getContext("2d").putImageData(imageData(decode(code), content.shape), 0, 0),
  };
}

// The same function, which keeps how long its last calls took.
function timed(decode) {
  const times = [];
  const call = (code) => {
    const begin = performance.now();
    const pixels = decode(code);
    times.push(performance.now() - begin);
    if (times.length > 25) times.shift();
    return pixels;
  };
  call.median = () => [...times].sort((a, b) => a - b)[times.length >> 1];
  return call;
}

// The largest difference of a pixel from PyTorch's pictures of some codes, in [0, 1].
// Of vectors: as a share of the largest number.
function compareWithPyTorch(content, decode) {
  const [height, width, colours] = content.shape;
  const bytes = bytesOfBase64(content.check.pixels);
  const expected = content.continuous ? new Float32Array(bytes.buffer) : bytes;
  let [largest, scale] = [0, 0];
  content.check.codes.forEach((code, n) => {
    const pixels = decode(Float32Array.from(code));
    for (let c = 0, k = 0; c < colours; c++) {
      for (let i = 0; i < height * width; i++, k++) {
        const want = expected[(n * height * width + i) * colours + c];
        const got = content.continuous ? pixels[k] : Math.round(255 * pixels[k]);
        largest = Math.max(largest, Math.abs(got - want));
        scale = Math.max(scale, Math.abs(want));
      }
    }
  });
  return content.continuous ? largest / Math.max(scale, 1e-12) : largest / 255;
}

// A canvas for vectors: the data as points of a plane, and the decoded one.
function drawPlane(canvas, plane, pixels, colours) {
  const context = canvas.getContext("2d");
  const [low, high] = [0, 1].map((f) =>
    [0, 1].map((k) => Math[f ? "max" : "min"](...plane.points.map((p) => p[k]))),
  );
  const span = 1.15 * Math.max(high[0] - low[0], high[1] - low[1], 1e-9);
  const place = (p) => [
    canvas.width * (0.5 + (p[0] - (low[0] + high[0]) / 2) / span),
    canvas.height * (0.5 - (p[1] - (low[1] + high[1]) / 2) / span),
  ];
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = colours.quiet;
  for (const point of plane.points) context.fillRect(...place(point), 2, 2);
  const decoded = plane.axes.map((axis) =>
    axis.reduce((sum, a, i) => sum + a * (pixels[i] - plane.centre[i]), 0),
  );
  context.fillStyle = colours.strong;
  context.beginPath();
  context.arc(...place([decoded[0], decoded[1] ?? 0]), 7, 0, 2 * Math.PI);
  context.fill();
}
