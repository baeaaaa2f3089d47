// Proof of work of a form: a small task that keeps robots from posting by the thousand, solved while the visitor types.
// On our own page every form[data-work] is wired here; the snippet of other sites calls crmFormWork itself.
(function () {
  "use strict";
  const SLICE = 10; // ms of work, and as many of rest: typing must not feel it
  const LONGEST = 20_000; // ms: a form is rather sent without an answer
  const FRACTION = 2 ** 32;
  const K = [], START = [];
  for (let n = 2; K.length < 64; n += 1) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) isPrime = false;
    if (!isPrime) continue;
    if (START.length < 8) START.push((Math.sqrt(n) * FRACTION) | 0);
    K.push((n ** (1 / 3) * FRACTION) | 0);
  }
  const W = new Int32Array(64);

  // The first 32 bits of the SHA-256 of a text of at most 55 ASCII letters: one block.
  function firstWord(text) {
    W.fill(0);
    for (let i = 0; i < text.length; i += 1) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
    W[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
    W[15] = text.length * 8;
    let [a, b, c, d, e, f, g, h] = START;
    for (let i = 0; i < 64; i += 1) {
      if (i > 15) {
        const x = W[i - 15], y = W[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        W[i] = W[i - 16] + s0 + W[i - 7] + s1;
      }
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    return (a + START[0]) >>> 0;
  }

  // A promise of the answer: for each part the number that makes its hash begin with `bits` zeros.
  function solve(started, rounds, bits) {
    const task = started.slice(started.lastIndexOf(":") + 1);
    const found = [];
    const limit = performance.now() + LONGEST;
    let nonce = 0;
    return new Promise((done) => {
      const work = () => {
        const end = performance.now() + SLICE;
        while (performance.now() < end) {
          for (let i = 0; i < 64; i += 1, nonce += 1) {
            if (firstWord(`${task}:${found.length}:${nonce}`) >>> (32 - bits)) continue;
            found.push(nonce);
            nonce = -1;
            if (found.length === rounds) { done(found.join(".")); return; }
          }
        }
        if (end < limit) setTimeout(work, SLICE);
        else done("");
      };
      work();
    });
  }

  function wire(form) {
    const [rounds, bits] = form.dataset.work.split(" ").map(Number);
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = "_work";
    let running = null, isSolved = false, isWaiting = false;
    const begin = () => {
      running = running || solve(form.elements.namedItem("_started").value, rounds, bits).then((answer) => {
        input.value = answer;
        form.append(input);
        isSolved = true;
      });
      return running;
    };
    form.addEventListener("focusin", begin, { once: true });
    form.addEventListener("submit", async (event) => {
      if (isSolved) return;
      event.preventDefault();
      if (isWaiting) return;
      isWaiting = true;
      await begin();
      // Not within the event itself, where a form does not submit once more.
      setTimeout(() => form.requestSubmit());
    });
    // Back from the next page: the note of this visit has been used.
    window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  window.crmFormWork = solve;
  for (const form of document.querySelectorAll("form[data-work]")) wire(form);
})();
