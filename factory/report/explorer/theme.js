// The button turns the page over from what it shows now; what was chosen holds for both pages, where the browser keeps it.
const store = {
  get theme() {
    try {
      return localStorage.getItem("difffas-theme");
    } catch {
      return null;
    }
  },
  set theme(name) {
    try {
      localStorage.setItem("difffas-theme", name);
    } catch {
      /* not from here, then */
    }
  },
};
const themeButton = document.getElementById("theme");
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
function showTheme() {
  themeButton.textContent = isDark() ? "light" : "dark";
  themeButton.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
}
function switchTheme() {
  store.theme = document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
}
if (["dark", "light"].includes(store.theme)) document.documentElement.dataset.theme = store.theme;
themeButton.addEventListener("click", switchTheme);
systemDark.addEventListener("change", showTheme);
showTheme();
