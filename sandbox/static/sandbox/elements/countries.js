/** ISO 3166-1 codes of the countries a card can be billed in. */
const CODES = (
  "AD AE AF AG AI AL AM AO AQ AR AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA " +
  "CD CF CG CH CI CK CL CM CN CO CR CV CW CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FO FR GA GB GD GE " +
  "GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IS IT JE JM JO JP KE KG KH KI " +
  "KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MK ML MM MN MO MQ MR MS MT MU MV MW MX MY " +
  "MZ NA NC NE NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PY QA RE RO RS RU RW SA SB SC SE SG " +
  "SH SI SJ SK SL SM SN SO SR SS ST SV SX SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA " +
  "VC VE VG VN VU WF WS XK YE YT ZA ZM ZW"
).split(" ");

/** The Payment Element asks for a postal code only here; since clover no longer in CA, GB and PR. */
export const WITH_POSTAL_CODE = new Set(["US"]);

/** @returns {Intl.Locale} of an Elements `locale`, where "auto" is the browser's */
function localeOf(name) {
  try {
    return new Intl.Locale(!name || name === "auto" ? navigator.language : name);
  } catch {
    return new Intl.Locale("en");
  }
}

/** Fill the select with country names in the locale's language and order, keeping what is chosen. */
export function listCountries(select, name) {
  const locale = localeOf(name);
  const names = new Intl.DisplayNames([locale.baseName, "en"], { type: "region" });
  const chosen = select.value || (CODES.includes(locale.region) ? locale.region : "US");
  const options = CODES.map((code) => new Option(names.of(code), code));
  options.sort((one, other) => one.text.localeCompare(other.text, locale.baseName));
  select.replaceChildren(...options);
  select.value = chosen;
}
