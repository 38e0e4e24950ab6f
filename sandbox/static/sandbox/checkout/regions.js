const NAMES = {
  US:
    "AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware," +
    "DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,KS Kansas," +
    "KY Kentucky,LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi," +
    "MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York," +
    "NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,RI Rhode Island," +
    "SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,VT Vermont,VA Virginia,WA Washington," +
    "WV West Virginia,WI Wisconsin,WY Wyoming",
  CA:
    "AB Alberta,BC British Columbia,MB Manitoba,NB New Brunswick,NL Newfoundland and Labrador," +
    "NT Northwest Territories,NS Nova Scotia,NU Nunavut,ON Ontario,PE Prince Edward Island,QC Quebec," +
    "SK Saskatchewan,YT Yukon",
};

/** Fill the select with a country's states or provinces; it is hidden where an address does without them. */
export function listRegions(select, country) {
  const regions = NAMES[country]?.split(",") ?? [];
  const options = regions.map((region) => new Option(region.slice(3), region.slice(0, 2)));
  const first = new Option(country === "CA" ? "Province" : "State", "");
  select.replaceChildren(first, ...options);
  select.hidden = regions.length === 0;
}
