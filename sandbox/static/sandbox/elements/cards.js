/** What a card's numbers look like: brands, formats and the checks that need no bank. No DOM in here. */

const FOURS = [4, 8, 12, 16];

/** First match wins. `lengths`: how many digits the number may have; `gaps`: digits before each space. */
const BRANDS = [
  { name: "visa", starts: /^4/, lengths: [16], gaps: FOURS, cvc: 3 },
  { name: "mastercard", starts: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16], gaps: FOURS, cvc: 3 },
  { name: "amex", starts: /^3[47]/, lengths: [15], gaps: [4, 10], cvc: 4 },
  { name: "discover", starts: /^6(011|4[4-9]|5)/, lengths: [16], gaps: FOURS, cvc: 3 },
  { name: "diners", starts: /^36/, lengths: [14], gaps: [4, 10], cvc: 3 },
  { name: "diners", starts: /^3(0[0-59]|[89])/, lengths: [14, 16], gaps: FOURS, cvc: 3 },
  { name: "jcb", starts: /^35(2[89]|[3-8])/, lengths: [16], gaps: FOURS, cvc: 3 },
  { name: "unionpay", starts: /^(62|81)/, lengths: [16, 17, 18, 19], gaps: FOURS, cvc: 3 },
];
const UNKNOWN = { name: "unknown", starts: /^/, lengths: [16], gaps: FOURS, cvc: undefined };

/** The texts of Stripe.js for each code. */
export const MESSAGES = {
  incomplete_number: "Your card number is incomplete.",
  invalid_number: "Your card number is invalid.",
  incomplete_expiry: "Your card's expiration date is incomplete.",
  invalid_expiry_month: "Your card's expiration month is invalid.",
  invalid_expiry_month_past: "Your card's expiration date is in the past.",
  invalid_expiry_year_past: "Your card's expiration year is in the past.",
  invalid_expiry_year: "Your card's expiration year is invalid.",
  incomplete_cvc: "Your card's security code is incomplete.",
  incomplete_zip: "Your postal code is incomplete.",
};

const digitsOf = (text) => text.replace(/\D/g, "");

export function brandOf(number) {
  const digits = digitsOf(number);
  return (digits && BRANDS.find(({ starts }) => starts.test(digits))) || UNKNOWN;
}

function passesLuhn(digits) {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/**
 * Each field's kind: how it is written and what is wrong with it.
 * `format(raw, {erasing, brand, country})` gives the text to show; `problem(text, …)` a code or undefined, where one
 * that begins with "invalid" is certain while typing and "incomplete" is not; `full(text, …)`: the next field's turn.
 *
 * @type {Record<string, {significant: RegExp, format: Function, problem: Function, full: Function}>}
 */
export const KINDS = {
  number: {
    significant: /\d/,
    format(raw) {
      const { gaps, lengths } = brandOf(raw);
      const digits = digitsOf(raw).slice(0, lengths.at(-1));
      const edges = [0, ...gaps.filter((gap) => gap < digits.length), digits.length];
      return edges.slice(1).map((end, i) => digits.slice(edges[i], end)).join(" ");
    },
    problem(text) {
      const digits = digitsOf(text);
      if (!brandOf(text).lengths.includes(digits.length)) return "incomplete_number";
      return passesLuhn(digits) ? undefined : "invalid_number";
    },
    full: (text) => digitsOf(text).length === brandOf(text).lengths.at(-1),
  },

  expiry: {
    significant: /\d/,
    format(raw, { erasing }) {
      let digits = digitsOf(raw).replace(/^(\d\d)20(\d\d)$/, "$1$2"); // pasted with a year of four digits
      if (/^[2-9]/.test(digits) || /^1[3-9]/.test(digits) || /^1\s*\//.test(raw)) digits = `0${digits}`;
      digits = digits.slice(0, 4);
      if (digits.length < 2 || (erasing && digits.length === 2)) return digits;
      return `${digits.slice(0, 2)} / ${digits.slice(2)}`;
    },
    problem(text) {
      const digits = digitsOf(text);
      if (digits.length < 4) return "incomplete_expiry";
      const month = Number(digits.slice(0, 2));
      const today = new Date();
      const years = 2000 + Number(digits.slice(2)) - today.getFullYear();
      if (month < 1 || month > 12) return "invalid_expiry_month";
      if (years < 0) return "invalid_expiry_year_past";
      if (years > 50) return "invalid_expiry_year";
      return years === 0 && month <= today.getMonth() ? "invalid_expiry_month_past" : undefined;
    },
    full: (text) => digitsOf(text).length === 4,
  },

  cvc: {
    significant: /\d/,
    format: (raw, { brand }) => digitsOf(raw).slice(0, brand.cvc ?? 4),
    problem: (text, { brand }) => (text.length < (brand.cvc ?? 3) ? "incomplete_cvc" : undefined),
    full: (text, { brand }) => text.length === (brand.cvc ?? 4),
  },

  /** Five digits where the country is the US; else letters too, as nobody has told us the card's country. */
  postal: {
    significant: /[\p{L}\d]/u,
    format(raw, { country }) {
      if (country === "US") return digitsOf(raw).slice(0, 5);
      return raw.toUpperCase().replace(/[^\p{L}\d -]/gu, "").slice(0, 10);
    },
    problem(text, { country }) {
      const enough = country !== "US" && /\p{L}/u.test(text) ? 3 : 5;
      return text.trim().length < enough ? "incomplete_zip" : undefined;
    },
    full: (text, { country }) => country === "US" && text.length === 5,
  },
};
