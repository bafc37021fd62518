// Puts what moves into the page; where that fails, the static pictures stay.

function mount(id, make) {
  const section = document.getElementById(id);
  if (!section) return;
  try {
    const element = make();
    if (!element) return;
    section.querySelector(".live").append(element);
    section.classList.add("is-live");
  } catch (error) {
    section.querySelector(".live").append(h("p", { class: "note" }, `This part could not be started (${error.message}); the static picture stays.`));
    console.error(error);
  }
}

function copyButtons() {
  for (const block of document.querySelectorAll("pre")) {
    const copy = button("Copy", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    }, { class: "copy" });
    if (navigator.clipboard) block.append(copy);
  }
}

function startReport(content) {
  const painter = makePainter(content);
  mount("explorer", () => explorer(content, painter));
  mount("traversals", () => (painter?.decode && !content.continuous ? new Traversals(content, painter).element : null));
  mount("matrix", () => (content.matrices.length ? heatmap(content) : null));
  mount("codes", () => new Scatter(content).element);
  mount("histograms", () => histograms(content));
  mount("training", () => (content.losses.steps.length ? new Losses([content]).element : null));
}

function start() {
  document.documentElement.classList.add("scripted");
  document.querySelector(".top-buttons").append(themeButton());
  const content = JSON.parse(document.getElementById("content").textContent);
  if (content.runs) startComparison(content);
  else startReport(content);
  copyButtons();
}

start();
