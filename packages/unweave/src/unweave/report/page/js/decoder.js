// The decoder: a list of operations over flat Float32Arrays, one picture at a time.
// The operations come from report/operations.py, which says what each one means.

// erf by its continued series is exact to 1e-7 here, as Abramowitz and Stegun 7.1.26 is not.
function erf(x) {
  const a = Math.abs(x);
  if (a > 4) return Math.sign(x);
  let sum = a;
  let term = a;
  for (let n = 1; n < 80 && Math.abs(term) > 1e-10; n++) {
    term *= (-a * a) / n;
    sum += term / (2 * n + 1);
  }
  return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
}

const sigmoid = (v) => 1 / (1 + Math.exp(-v));
const softplus = (v, beta, threshold) =>
  v * beta > threshold ? v : Math.log1p(Math.exp(v * beta)) / beta;

const ACTIVATIONS = {
  relu: () => (v) => (v > 0 ? v : 0),
  "leaky-relu": ([slope]) => (v) => (v > 0 ? v : slope * v),
  elu: ([alpha, scale, inner]) => (v) => (v > 0 ? scale * v : scale * alpha * Math.expm1(inner * v)),
  sigmoid: () => sigmoid,
  tanh: () => Math.tanh,
  silu: () => (v) => v * sigmoid(v),
  mish: () => (v) => v * Math.tanh(softplus(v, 1, 20)),
  hardswish: () => (v) => (v * Math.min(6, Math.max(0, v + 3))) / 6,
  hardsigmoid: () => (v) => Math.min(6, Math.max(0, v + 3)) / 6,
  softplus: ([beta, threshold]) => (v) => softplus(v, beta, threshold),
  exp: () => Math.exp,
  abs: () => Math.abs,
  neg: () => (v) => -v,
  sin: () => Math.sin,
  cos: () => Math.cos,
  gelu: () => (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)),
  "gelu-tanh": () => (v) =>
    0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v))),
  clamp: ([low, high]) => (v) => (v < low ? low : v > high ? high : v),
};

const BINARY = {
  add: (alpha) => (a, b) => a + alpha * b,
  sub: (alpha) => (a, b) => a - alpha * b,
  mul: () => (a, b) => a * b,
  div: () => (a, b) => a / b,
};

// Each maker returns a function that fills `y` from the inputs.

function makeLinear(o, [weight, bias]) {
  const { rows, columns } = o;
  return (y, x) => {
    for (let start = 0, out = 0; out < y.length; start += columns) {
      for (let r = 0; r < rows; r++, out++) {
        let sum = bias ? bias[r] : 0;
        for (let c = 0, w = r * columns; c < columns; c++, w++) sum += weight[w] * x[start + c];
        y[out] = sum;
      }
    }
  };
}

function makeAffine(o, [scale, shift]) {
  const { inner, period } = o;
  return (y, x) => {
    for (let start = 0, k = 0; start < y.length; start += inner, k = (k + 1) % period) {
      for (let i = start; i < start + inner; i++) y[i] = scale[k] * x[i] + shift[k];
    }
  };
}

function makeNormalize({ block, eps }) {
  return (y, x) => {
    for (let start = 0; start < y.length; start += block) {
      let mean = 0;
      for (let i = start; i < start + block; i++) mean += x[i];
      mean /= block;
      let variance = 0;
      for (let i = start; i < start + block; i++) variance += (x[i] - mean) ** 2;
      const factor = 1 / Math.sqrt(variance / block + eps);
      for (let i = start; i < start + block; i++) y[i] = (x[i] - mean) * factor;
    }
  };
}

function makeActivation(o) {
  const f = ACTIVATIONS[o.kind](o.values);
  return (y, x) => {
    for (let i = 0; i < y.length; i++) y[i] = f(x[i]);
  };
}

function makePrelu({ inner, period }, [slope]) {
  return (y, x) => {
    for (let start = 0, k = 0; start < y.length; start += inner, k = (k + 1) % period) {
      for (let i = start; i < start + inner; i++) y[i] = x[i] > 0 ? x[i] : slope[k] * x[i];
    }
  };
}

function makeBinary(o) {
  const f = BINARY[o.kind](o.alpha);
  return (y, a, b) => {
    for (let i = 0; i < y.length; i++) y[i] = f(a[i], b[i]);
  };
}

function makeConstant(o, [constant]) {
  const f = BINARY[o.kind](o.alpha);
  const step = constant.length === 1 ? 0 : 1;
  return (y, x) => {
    for (let i = 0; i < y.length; i++) {
      y[i] = o.first ? f(x[i], constant[i * step]) : f(constant[i * step], x[i]);
    }
  };
}

function makeStrided({ sizes, strides, start }) {
  return (y, x) => {
    let out = 0;
    const copy = (axis, from) => {
      if (axis === sizes.length) y[out++] = x[from];
      else for (let i = 0; i < sizes[axis]; i++) copy(axis + 1, from + i * strides[axis]);
    };
    copy(0, start);
  };
}

function makeConcatenate({ blocks }) {
  return (y, ...parts) => {
    for (let out = 0, round = 0; out < y.length; round++) {
      parts.forEach((part, k) => {
        y.set(part.subarray(round * blocks[k], (round + 1) * blocks[k]), out);
        out += blocks[k];
      });
    }
  };
}

function makeResample({ x: [channels, height, width], rows, columns }) {
  return (y, x) => {
    let out = 0;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < rows.low.length; i++) {
        const above = (c * height + rows.low[i]) * width;
        const below = (c * height + rows.high[i]) * width;
        for (let j = 0; j < columns.low.length; j++) {
          const [l, r, s] = [columns.low[j], columns.high[j], columns.share[j]];
          const top = x[above + l] * (1 - s) + x[above + r] * s;
          const bottom = x[below + l] * (1 - s) + x[below + r] * s;
          y[out++] = top * (1 - rows.share[i]) + bottom * rows.share[i];
        }
      }
    }
  };
}

function makePad({ x: [channels, height, width], y: [, yH, yW], top, left, value }) {
  return (y, x) => {
    y.fill(value);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < height; i++) {
        const from = (c * height + i) * width;
        y.set(x.subarray(from, from + width), (c * yH + i + top) * yW + left);
      }
    }
  };
}

const MAKERS = {
  linear: makeLinear,
  conv: makeConvolution,
  deconv: makeDeconvolution,
  affine: makeAffine,
  normalize: makeNormalize,
  activation: makeActivation,
  prelu: makePrelu,
  binary: makeBinary,
  constant: makeConstant,
  strided: makeStrided,
  concatenate: makeConcatenate,
  resample: makeResample,
  pad: makePad,
};

// Returns decode(code) -> Float32Array of c x h x w in [0, 1], which the next call overwrites.
function makeDecoder(content) {
  const all = floatsOfBase64(content.weights, content.precision);
  const weights = content.ends.map((end, i) => all.subarray(i ? content.ends[i - 1] : 0, end));
  const registers = [null];
  const steps = content.operations.map((o, i) => {
    const fill = MAKERS[o.op](o, o.weights.map((n) => (n === null ? null : weights[n])));
    registers[i + 1] = new Float32Array(o.size);
    return () => fill(registers[i + 1], ...o.in.map((n) => registers[n]));
  });
  return (code) => {
    registers[0] = code;
    for (const step of steps) step();
    return registers[content.result];
  };
}
