/** Show the icon of a brand, or what stands for an unknown one. @returns {boolean} whether that is news */
export function showBrand(icons, name) {
  if (icons.dataset.brand === name) return false;
  icons.dataset.brand = name;
  for (const icon of icons.children) {
    const stands = icon.dataset.name === name || (name === "unknown" && "common" in icon.dataset);
    icon.toggleAttribute("hidden", !stands);
  }
  return true;
}
