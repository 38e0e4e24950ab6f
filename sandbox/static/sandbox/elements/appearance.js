/**
 * What the page says about looks, applied through the CSSOM: `style-src 'self'` forbids style text, and setting single
 * properties cannot smuggle in anything else.
 */
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function addRule(selector, declarations) {
  const { style } = sheet.cssRules[sheet.insertRule(`${selector} {}`, sheet.cssRules.length)];
  for (const [name, value] of Object.entries(declarations)) style.setProperty(kebab(name), String(value));
}

function replaceRules(rules) {
  sheet.replaceSync("");
  for (const [selector, declarations] of rules) {
    try {
      addRule(selector, declarations);
    } catch (error) {
      console.warn(`[Stripe.js] ${selector} is not a selector that can be styled.`, error);
    }
  }
}

/** The Payment Element's `appearance`: theme, variables, and rules for the classes that Stripe documents: .Input, … */
export function applyAppearance({ theme = "stripe", variables = {}, rules = {}, disableAnimations = false } = {}) {
  const root = document.documentElement;
  root.dataset.theme = theme;
  root.classList.toggle("is-still", disableAnimations);
  replaceRules(Object.entries(rules).filter(([selector]) => selector.startsWith(".")));
  const { style } = sheet.cssRules[sheet.insertRule(":root:root {}")];
  for (const [name, value] of Object.entries(variables)) style.setProperty(`--${name}`, String(value));
}

const PSEUDO = [":hover", ":focus", "::placeholder", "::selection", ":-webkit-autofill", ":disabled"];

/** The Card Element's `style`: a look for each state of a field, each with its pseudo-classes. */
export function applyStyle(style = {}) {
  const states = { base: "", empty: ".is-empty", complete: ".is-complete", invalid: ".is-invalid" };
  const rules = [];
  for (const [state, className] of Object.entries(states)) {
    const { iconColor, ...look } = style[state] ?? {};
    const plain = Object.entries(look).filter(([, value]) => typeof value !== "object");
    rules.push([`.Input.Input${className}`, Object.fromEntries(plain)]);
    for (const pseudo of PSEUDO) if (look[pseudo]) rules.push([`.Input.Input${className}${pseudo}`, look[pseudo]]);
    if (iconColor) rules.push([`.CardBrand${className}`, { color: iconColor }]);
  }
  const { fontFamily, fontSize, lineHeight } = style.base ?? {};
  const metrics = Object.entries({ fontFamily, fontSize, lineHeight }).filter(([, value]) => value);
  replaceRules([[".CardField", Object.fromEntries(metrics)], ...rules]);
}
