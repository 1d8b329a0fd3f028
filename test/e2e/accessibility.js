// Evaluated within a page: basic checks by its own computed styles. Comes to a list of { what, where }.
(() => {
  const found = [];
  const say = (what, element) => found.push({ what, where: element.outerHTML.slice(0, 160) });
  const shown = (element) => element.getClientRects().length > 0 && !element.closest(".skip");
  const numbers = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = numbers(colour).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((numbers(colour)[3] ?? 1) !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const labels = [...(field.labels ?? [])].map((label) => label.textContent);
    if ((field.getAttribute("aria-label") ?? labels.join("")).trim() === "") say("a field without a label", field);
  }
  for (const button of document.querySelectorAll("button, a[href]"))
    if (button.textContent.trim() === "") say("a button or link without a name", button);
  for (const target of document.querySelectorAll("button, a[href], select, input:not([type=hidden])")) {
    const area = target.closest("label.tick") ?? target;
    // Links within a line of text are no targets of their own.
    const inText = target.closest("p, li, .note") !== null;
    if (shown(target) && !inText && area.getBoundingClientRect().height < 64) say("a target lower than 64 px", target);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement;
    if (node.textContent.trim() === "" || !shown(element)) continue;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(background(element))].sort(
      (a, b) => b - a,
    );
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) say(`a contrast of ${contrast.toFixed(2)} to 1`, element);
  }
  if (document.documentElement.lang === "") say("no language", document.documentElement);
  if (document.querySelectorAll("h1").length !== 1) say("not one main heading", document.body);
  if (document.title === "") say("no title", document.documentElement);
  if (document.scripts.length > 0) say("a script", document.body);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of ids.filter((one, i) => ids.indexOf(one) !== i)) say(`an id twice: ${id}`, document.body);
  for (const element of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    const named = `${element.getAttribute("aria-describedby") ?? ""} ${element.getAttribute("aria-labelledby") ?? ""}`;
    for (const id of named.split(" ").filter(Boolean))
      if (document.getElementById(id) === null) say(`a description that is not there: ${id}`, element);
  }
  if (document.documentElement.scrollWidth > window.innerWidth) say("a page wider than the window", document.body);
  return found;
})();
