import { KINDS } from "./cards.js";

/** One text input that writes itself in its kind's format and knows whether what stands in it can be right. */
export class Field {
  #kind;
  #context;
  #left = false; // the customer has been here and gone: time to say what is missing
  #last = "";

  /**
   * @param {HTMLInputElement} input
   * @param {string} kind a key of KINDS
   * @param {{context: () => object, onchange: () => void, onfull: () => void, onretreat: () => void}} owner
   */
  constructor(input, kind, { context, onchange, onfull, onretreat }) {
    this.input = input;
    this.#kind = KINDS[kind];
    this.#context = context;
    input.addEventListener("input", () => {
      const added = this.#write();
      this.#left = false;
      onchange();
      if (added && this.full && !this.problem && this.#caretAtEnd) onfull();
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Backspace") return;
      if (!input.value) onretreat();
      this.#stepOverSeparator();
    });
    input.addEventListener("blur", () => {
      this.#left ||= this.text !== "";
      onchange();
    });
  }

  get text() {
    return this.input.value;
  }

  set text(value) {
    this.input.value = this.#last = this.#kind.format(value, { ...this.#context(), erasing: false });
  }

  get full() {
    return this.#kind.full(this.text, this.#context());
  }

  /** @returns {string | undefined} the code of what is wrong, shown or not */
  get problem() {
    return this.#kind.problem(this.text, this.#context());
  }

  /** The code of what the customer should be told now. */
  get shownProblem() {
    const code = this.problem;
    return this.#left || (this.text && code?.startsWith("invalid")) ? code : undefined;
  }

  /** Submitting: from now on an empty field is a mistake too. */
  reveal() {
    this.#left = true;
  }

  clear() {
    this.text = "";
    this.#left = false;
  }

  /** Write the text anew, for a context that changed. */
  refresh() {
    this.text = this.input.value;
  }

  /** @returns {boolean} whether something was added, rather than taken away */
  #write() {
    const { input } = this;
    const raw = input.value;
    const added = raw.length >= this.#last.length;
    const caret = input.selectionStart;
    const formatted = this.#kind.format(raw, { ...this.#context(), erasing: !added });
    this.#last = formatted;
    if (formatted !== raw) {
      input.value = formatted;
      const typed = this.#count(raw.slice(0, caret));
      const place = caret === raw.length ? formatted.length : this.#placeAfter(formatted, typed);
      if (document.activeElement === input) input.setSelectionRange(place, place);
    }
    return added;
  }

  #count(text) {
    return [...text].filter((character) => this.#kind.significant.test(character)).length;
  }

  /** Where the caret stands after `count` characters that the customer typed. */
  #placeAfter(text, count) {
    let place = 0;
    for (let seen = 0; place < text.length && seen < count; place += 1) {
      if (this.#kind.significant.test(text[place])) seen += 1;
    }
    return place;
  }

  #stepOverSeparator() {
    const { input } = this;
    let place = input.selectionStart;
    if (place !== input.selectionEnd) return;
    while (place > 0 && !this.#kind.significant.test(input.value[place - 1])) place -= 1;
    input.setSelectionRange(place, place);
  }

  get #caretAtEnd() {
    return this.input.selectionStart === this.text.length;
  }
}
