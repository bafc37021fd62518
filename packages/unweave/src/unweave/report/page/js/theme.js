// Light and dark: as the system says, until the reader chooses.

function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { strong: colour("--text"), quiet: colour("--muted"), line: colour("--line"), accent: colour("--accent") };
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function themeButton() {
  const label = () => (isDark() ? "Light" : "Dark");
  const element = button(label(), () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    element.textContent = label();
    dispatchEvent(new Event("themechange"));
  }, { class: "theme", title: "light or dark" });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    element.textContent = label();
    dispatchEvent(new Event("themechange"));
  });
  return element;
}
