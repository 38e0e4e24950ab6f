const by = (id) => document.getElementById(id);

/** What is bought: quantities that can be changed, a promotion code, and what all of it comes to. */
export class Order {
  due = Number(document.body.dataset.due);
  #desk;

  constructor(desk) {
    this.#desk = desk;
    const summary = by("summary");
    summary.addEventListener("change", ({ target }) => target.dataset.item && this.#buy(target));
    summary.addEventListener("click", ({ target }) => "remove" in target.dataset && this.#redeem(""));
    summary.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#redeem(by("promotionCode")?.value.trim() ?? "");
    });
  }

  get asksCard() {
    return !by("payment-method").hidden;
  }

  async #buy({ value, dataset: { item } }) {
    const answer = await this.#desk.post(`items/${item}`, { quantity: value });
    if (answer.error) await this.refresh();
    else this.#show(answer);
    by("payment-error").textContent = answer.error?.message ?? "";
    document.querySelector(`[data-item="${item}"]`)?.focus();
  }

  async #redeem(code) {
    const answer = await this.#desk.post("promotion-code", { code });
    if (!answer.error) this.#show(answer);
    by("promotionCode-error").textContent = answer.error?.message ?? "";
    by("promotionCode")?.setAttribute("aria-invalid", String(Boolean(answer.error)));
    document.querySelector("#promotionCode, [data-remove]").focus();
  }

  /** Show the amounts as they are now. */
  async refresh() {
    const answer = await this.#desk.get("summary");
    if (!answer.error) this.#show(answer);
  }

  #show({ summary, due, asks_card: asksCard, button }) {
    this.due = due;
    by("summary").innerHTML = summary;
    by("payment-method").hidden = !asksCard;
    document.querySelector(".SubmitButton-Text").textContent = button;
  }
}
