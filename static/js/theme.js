// Loaded in <head> without defer: the theme is set before the first paint.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    document.documentElement.dataset.bsTheme = chosen || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.themeChoice = chosen || "auto";
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply); // chosen in another tab
  addEventListener("theme:chosen", apply);
})();
