// Several runs side by side: one explorer at a time, and loss curves in one chart per term.

function startComparison(content) {
  mount("explorer", () => explorerTabs(content.runs));
  if (content.runs.some((run) => run.losses.steps.length)) {
    mount("training", () => new Losses(content.runs).element);
  }
}

// Explorers are made when they are first asked for: each unpacks its weights.
function explorerTabs(runs) {
  const made = runs.map(() => null);
  const holder = h("div", {});
  const show = (k) => {
    made[k] ??= explorer(runs[k], makePainter(runs[k]));
    holder.replaceChildren(made[k]);
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(i === k)));
  };
  const tabs = runs.map((run, k) =>
    button([h("span", { class: "swatch", style: { backgroundColor: PALETTE[k] } }), run.title], () => show(k), { class: "legend-entry" }));
  show(0);
  return h("div", {}, h("div", { class: "toolbar", role: "group", "aria-label": "runs" }, tabs), holder);
}
