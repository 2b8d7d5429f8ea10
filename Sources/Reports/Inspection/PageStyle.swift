/// What a report's page looks like, and what moves in it. Both stand in the page: it asks for nothing from outside, and its
/// policy forbids it to.
enum PageStyle {
  /// No request may leave the page: no scripts, fonts or pictures but its own.
  static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

  static let css = """
    \(ChartColours.css(scope: ":root"))
    :root{color-scheme:light dark;--card:#f6f8fa;--edge:#d1d9e0;--good:#1a7f37;--bad:#c4292f;--wait:#8a6100}
    @media (prefers-color-scheme:dark){:root{--card:#1c2128;--edge:#3d444d;--good:#4ac26b;--bad:#ff7b72;--wait:#e3b341}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:1420px;padding:20px 24px 60px;background:var(--paper);color:var(--ink);overflow-wrap:break-word;\
    font:15px/1.5 system-ui,"DejaVu Sans",sans-serif}
    h1{font-size:24px;margin:0 0 4px}h2{font-size:19px;margin:38px 0 6px;border-bottom:1px solid var(--edge);padding-bottom:4px}
    h3{font-size:16px;margin:0 0 6px;overflow-wrap:anywhere}p{margin:4px 0 10px;max-width:85ch}.faint{color:var(--faint)}
    .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px;margin-top:14px}
    .card{background:var(--card);border:1px solid var(--edge);border-left:6px solid var(--c);border-radius:6px;padding:14px 16px;\
    min-width:0}
    .verdict{font-weight:650;font-size:16px;margin:0 0 8px}.healthy{color:var(--good)}.collapsed{color:var(--bad)}\
    .notStarted,.unknown{color:var(--wait)}
    .figures{display:flex;flex-wrap:wrap;gap:6px 22px;margin:0 0 8px}.figures div{line-height:1.25}\
    .figures b{font-size:17px;display:block;font-weight:600}.figures span{font-size:12px;color:var(--faint)}
    ul{margin:6px 0;padding-left:20px}li{margin:2px 0;overflow-wrap:anywhere}
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:14px 18px}
    figure{margin:0;position:relative;min-width:0}.chart{display:block;width:100%;height:auto;touch-action:pan-y}
    figcaption{font-size:12.5px;color:var(--faint);padding:2px 4px 0}.key{white-space:nowrap;margin-right:14px;\
    display:inline-block;max-width:100%;overflow:hidden;text-overflow:ellipsis}
    .key svg{display:inline-block;width:24px;height:10px;vertical-align:middle;margin-right:5px}.key b{color:var(--ink);font-weight:600}
    .tip{position:absolute;pointer-events:none;background:var(--paper);color:var(--ink);border:1px solid var(--edge);\
    border-radius:5px;padding:5px 9px;font-size:12.5px;line-height:1.4;box-shadow:0 2px 8px rgba(0,0,0,.22);z-index:2;\
    white-space:nowrap;max-width:90%;overflow:hidden}
    .cross{stroke:var(--ink);stroke-opacity:.45}
    .wide{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;margin:6px 0}th,td{text-align:left;padding:4px 14px 4px 0;\
    border-bottom:1px solid var(--edge);vertical-align:top}th{font-weight:600;color:var(--faint)}
    code,pre{font:13px/1.45 ui-monospace,"DejaVu Sans Mono",monospace}code{overflow-wrap:anywhere}pre{overflow:auto;max-height:480px;\
    background:var(--card);border:1px solid var(--edge);border-radius:6px;padding:12px}
    summary{cursor:pointer;padding:4px 0}
    .strip{display:flex;align-items:center;gap:10px;margin:4px 0;font-size:13px}.strip>span{flex:none;width:11em;overflow:hidden;\
    text-overflow:ellipsis;white-space:nowrap;color:var(--faint)}.bar{display:flex;flex:1;min-width:0}.bar div{min-width:2px;\
    overflow:hidden;white-space:nowrap;color:var(--ink);padding:2px 0 2px 5px;border-left:2px solid currentColor}
    .bar .healthy{background:color-mix(in srgb,var(--good) 28%,var(--paper))}.bar .collapsed{background:\
    color-mix(in srgb,var(--bad) 32%,var(--paper))}.bar .notStarted{background:color-mix(in srgb,var(--wait) 25%,var(--paper))}
    .row{display:flex;gap:8px;overflow-x:auto;padding:6px 0}.picture{flex:none;font-size:11px;color:var(--faint);text-align:center;\
    width:84px}.picture img{display:block;margin:0 auto 2px;width:auto;height:72px;max-width:84px;object-fit:contain;image-rendering:pixelated}
    .picture:first-child{border-right:2px solid var(--edge);padding-right:8px;width:100px}
    @media (max-width:600px){body{padding:14px 12px 40px}.figures{gap:6px 16px}}
    @media print{.charts{grid-template-columns:1fr 1fr}figure{break-inside:avoid}}
    """

  /// Shows the values under the pointer: they are read back from the lines' own places, so nothing stands in the page twice.
  static let script = """
    'use strict';
    for (const figure of document.querySelectorAll('figure')) {
      const svg = figure.querySelector('svg.chart');
      if (!svg || !svg.dataset.frame) continue;
      const numbers = text => text.split(',').map(Number);
      const [left, right, top, bottom] = numbers(svg.dataset.frame);
      const [x0, x1] = numbers(svg.dataset.x), [y0, y1] = numbers(svg.dataset.y);
      const isLog = svg.dataset.log === '1';
      const lines = Array.from(svg.querySelectorAll('path.line'), path => ({
        name: path.dataset.name, colour: getComputedStyle(path).color,
        points: (path.getAttribute('d').match(/-?[0-9.]+ -?[0-9.]+/g) || []).map(p => p.split(' ').map(Number))
      })).filter(line => line.points.length);
      const value = y => {
        const share = (bottom - y) / (bottom - top);
        return isLog ? y0 * Math.pow(y1 / y0, share) : y0 + share * (y1 - y0);
      };
      const text = v => Number(v.toPrecision(Math.abs(v) < 1 ? 3 : 4)).toLocaleString('en-US', {maximumSignificantDigits: 4});
      const tip = document.createElement('div'), cross = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      tip.className = 'tip'; tip.hidden = true; figure.append(tip);
      cross.setAttribute('class', 'cross'); svg.append(cross);
      const hide = () => { tip.hidden = true; cross.setAttribute('d', ''); };
      const show = event => {
        const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
        const at = (event.clientX - box.left) * scale;
        if (at < left - 4 || at > right + 4) return hide();
        tip.replaceChildren();
        const head = document.createElement('div');
        head.textContent = svg.dataset.xname + ' '
          + Math.round(x0 + (at - left) / (right - left) * (x1 - x0)).toLocaleString('en-US');
        tip.append(head);
        for (const line of lines) {
          let low = 0, high = line.points.length - 1;
          while (high - low > 1) { const mid = (low + high) >> 1; if (line.points[mid][0] > at) high = mid; else low = mid; }
          const near = Math.abs(line.points[low][0] - at) < Math.abs(line.points[high][0] - at) ? low : high;
          const row = document.createElement('div'), dot = document.createElement('span');
          dot.textContent = '\\u25CF '; dot.style.color = line.colour;
          row.append(dot, line.name + ': ' + text(value(line.points[near][1])));
          tip.append(row);
        }
        cross.setAttribute('d', 'M' + at + ' ' + top + 'V' + bottom);
        tip.hidden = false;
        const inside = event.clientX - box.left;
        tip.style.top = (top / scale + 4) + 'px';
        tip.style.left = (inside > box.width / 2 ? inside - tip.offsetWidth - 12 : inside + 12) + 'px';
      };
      svg.addEventListener('pointermove', show);
      svg.addEventListener('pointerdown', show);
      svg.addEventListener('pointerleave', hide);
    }
    document.documentElement.dataset.overflow = +(document.documentElement.scrollWidth > innerWidth);
    document.documentElement.dataset.ready = document.querySelectorAll('svg[data-frame]').length;
    """
}
