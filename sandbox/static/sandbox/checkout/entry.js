const MAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** What can be wrong with a plain field: nothing in it, or no e-mail address. */
export const CHECKS = {
  required: (input) => (input.type === "checkbox" ? input.checked : input.value.trim()) ? "" : "Required",
  email: (input) => CHECKS.required(input) || (MAIL.test(input.value.trim()) ? "" : "Your email is invalid."),
};

/** A plain field that says what is wrong with it once the customer has left it, or wants to pay. */
export class Entry {
  #told = false;

  /**
   * @param {string} id of the input
   * @param {{check?: Function, message?: string, asked?: () => boolean}} [options] message: id of the alert, which
   *   several fields may share; asked: whether the field has to be filled in at the moment
   */
  constructor(id, { check = CHECKS.required, message = `${id}-error`, asked = () => true } = {}) {
    this.input = document.getElementById(id);
    this.message = document.getElementById(message);
    this.check = check;
    this.asked = asked;
    this.input?.addEventListener("blur", () => this.input.value && this.tell());
    for (const type of ["input", "change"]) this.input?.addEventListener(type, () => this.#told && this.tell());
  }

  get text() {
    return this.input?.value.trim() ?? "";
  }

  get problem() {
    const shown = this.input && !this.input.hidden && !this.input.readOnly;
    return shown && this.asked() ? this.check(this.input) : "";
  }

  /** Show what is wrong, or that nothing is. @returns {boolean} whether nothing is */
  tell() {
    this.#told = true;
    const { problem } = this;
    if (!this.input) return true;
    this.input.setAttribute("aria-invalid", String(Boolean(problem)));
    const others = this.message.dataset.of;
    if (problem || !others || others === this.input.id) {
      this.message.textContent = problem;
      this.message.dataset.of = problem ? this.input.id : "";
    }
    return !problem;
  }
}
