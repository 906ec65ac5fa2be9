// Brings news into a page that is open. Without it every page works; it only saves reading anew.
//
// The daemon says over one event stream that something changed; the page is fetched again and what has the same key is
// replaced in place. Nothing moves under the reader's eyes: regions keep their height, and rows that are new are announced
// in a place kept free for that, with a link, instead of being pushed in.
'use strict';

(() => {
  const main = document.querySelector('main[data-live]');
  const said = document.getElementById('live');
  const more = document.getElementById('more');
  if (!main || !said || !window.EventSource) return;

  const PACE = 1500; // ms between two fetches, at least
  let stream = null;
  let busy = false;
  let again = false;

  function say(state) {
    said.dataset.state = state;
    said.textContent = said.dataset[state] || '';
  }

  function keyed(root, attribute) {
    const found = new Map();
    for (const node of root.querySelectorAll(`[${attribute}]`)) found.set(node.getAttribute(attribute), node);
    return found;
  }

  function replace(old, fresh) {
    if (old.isEqualNode(fresh) || old.contains(document.activeElement)) return;
    old.className = fresh.className;
    old.replaceChildren(...Array.from(fresh.childNodes, (node) => document.importNode(node, true)));
  }

  function rows(root) {
    return Array.from(root.querySelectorAll('[data-key]'), (row) => row.dataset.key).join('\n');
  }

  function merge(fresh) {
    for (const region of main.querySelectorAll('[data-swap]')) {
      const other = region.id && fresh.querySelector(`#${CSS.escape(region.id)}`);
      if (other) replace(region, other);
    }
    const others = keyed(fresh, 'data-k');
    for (const [key, node] of keyed(main, 'data-k')) {
      const other = others.get(key);
      if (other && !node.closest('[data-swap]')) replace(node, other);
    }
    const isOther = rows(main) !== rows(fresh);
    if (more) more.hidden = !isOther;
    say(isOther ? 'news' : 'live');
  }

  async function refresh() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' }, redirect: 'error' });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
        if (fresh) merge(fresh);
      }
    } catch {
      say('lost');
    }
    setTimeout(() => {
      busy = false;
      if (again) refresh();
    }, PACE);
  }

  function heights(event) {
    for (const [chain, height] of Object.entries(JSON.parse(event.data))) {
      for (const node of main.querySelectorAll('[data-h]')) {
        if (node.dataset.h === chain && node.textContent !== String(height)) node.textContent = String(height);
      }
    }
  }

  function open() {
    if (stream || document.hidden) return;
    stream = new EventSource('/live');
    stream.addEventListener('open', () => say('live'));
    stream.addEventListener('heights', heights);
    stream.addEventListener('change', refresh);
    stream.addEventListener('error', () => {
      say('lost');
      // Refused for good, as when all streams are taken: ask again later.
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(open, 15000);
      }
    });
  }

  function close() {
    if (stream) stream.close();
    stream = null;
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', open);
  open();
})();
