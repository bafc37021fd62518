// Elements, controls and timing. Text from a run enters the page as text nodes alone.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(element.style, value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (typeof value === "boolean") element.toggleAttribute(key, value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const h = (tag, properties, ...children) =>
  fill(document.createElement(tag), properties, children);

const svg = (tag, properties, ...children) =>
  fill(document.createElementNS(SVG, tag), properties, children);

const button = (text, onclick, properties) =>
  h("button", { type: "button", onclick, ...properties }, text);

// A labelled choice; `options` are [value, text].
function choice(label, options, onchange, selected) {
  const select = h(
    "select",
    { onchange: () => onchange(select.value) },
    options.map(([value, text]) => h("option", { value, selected: value === selected }, text)),
  );
  return { element: h("label", { class: "control" }, h("span", {}, label), select), select };
}

function checkbox(label, checked, onchange) {
  const box = h("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
  return h("label", { class: "control check" }, box, h("span", {}, label));
}

function number(value, digits = 2) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e5 || size < 10 ** -digits)
    ? value.toExponential(1)
    : value.toFixed(digits);
}

// A code or a divergence: with two decimals however small it is, so that a column can be compared.
const twoDecimals = (value) => (Math.abs(value) < 0.01 ? value.toFixed(2).replace(/^-(?=0\.00$)/, "") : number(value));

const random = (list) => list[Math.floor(Math.random() * list.length)];
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Runs `update` once per frame however often it is asked for.
function oncePerFrame(update) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  };
}

// Runs `work` (true while there is more) in slices, so that the page stays quick.
function inSlices(work, milliseconds = 14) {
  let stopped = false;
  const slice = () => {
    const end = performance.now() + milliseconds;
    while (!stopped && performance.now() < end) if (!work()) return;
    if (!stopped) setTimeout(slice, 0);
  };
  setTimeout(slice, 0);
  return () => {
    stopped = true;
  };
}

// Calls `frame(seconds)` while playing; the returned control starts and stops it.
function player(frame) {
  let handle = 0;
  let start = 0;
  const step = (now) => {
    // The first frame can have begun before `play` was called.
    frame(Math.max(0, now - start) / 1000);
    handle = requestAnimationFrame(step);
  };
  return {
    get playing() {
      return handle !== 0;
    },
    play() {
      if (handle) return;
      start = performance.now();
      handle = requestAnimationFrame(step);
    },
    stop() {
      cancelAnimationFrame(handle);
      handle = 0;
    },
  };
}

// A text that follows the pointer.
const tooltip = (() => {
  let box = null;
  return {
    show(event, ...content) {
      box ??= document.body.appendChild(h("div", { class: "tooltip", role: "status" }));
      box.replaceChildren(...content);
      box.hidden = false;
      const { offsetWidth: width, offsetHeight: height } = box;
      const left = Math.min(event.clientX + 14, innerWidth - width - 8);
      const top = event.clientY + 16 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 16;
      Object.assign(box.style, { left: `${left}px`, top: `${top}px` });
    },
    hide() {
      if (box) box.hidden = true;
    },
  };
})();
