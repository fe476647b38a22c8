// Builds web/dist: the same sources give the same bytes. Names carry a hash of the bytes, so that browsers may keep the
// assets for a year; `.br` and `.gz` lie beside each file, so that the service compresses nothing.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = import.meta.dirname;
/** Where the files go: to web/dist, or to the folder of OUT_DIR, so that a test can compare the two. */
const dist = process.env.OUT_DIR ?? join(here, 'dist');
/** Most bytes of script after gzip: the page has to be there at once, also over a bad line. */
const MOST_SCRIPT = 60_000;

const source = (name) => join(here, 'src', name);
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 10);

function put(name, bytes) {
    writeFileSync(join(dist, name), bytes);
    const gz = gzipSync(bytes, { level: 9 });
    // The header names the operating system that wrote it; that must not depend on where the build ran.
    gz[9] = 255;
    writeFileSync(join(dist, `${name}.gz`), gz);
    const params = {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    const br = brotliCompressSync(bytes, { params });
    writeFileSync(join(dist, `${name}.br`), br);
    console.log(
        `${name.padEnd(36)} ${String(bytes.length).padStart(8)} ${String(gz.length).padStart(7)} gz ${String(br.length).padStart(7)} br`,
    );
    return gz.length;
}

/** A function within uPlot's own, and the line that gives it to callers. */
const inner = (name) => new RegExp(`\\n\\tfunction ${name}\\([\\s\\S]*?\\n\\t\\}(?=\\n)(?:\\s*self\\.${name} = ${name};)?`);

/** A function beside uPlot's own. */
const outer = (name) => new RegExp(`\\nfunction ${name}\\([\\s\\S]*?\\n\\}`);

/** The parts of uPlot that the page has no use for: its path builders, joined tables, scatter plots, legends, logarithmic
 * scales, focus, charts that move together or stand on their side, points of series and at the cursor, bands, titles of axes,
 * ticks and borders, ranges of its own, plugins, what is changed after the chart was made, dragging and texts of times, which
 * are the page's own. */
const UNUSED = [
    ...[
        'initLegendRow',
        'addSeries',
        'delSeries',
        'batch',
        'toggleDOM',
        'setSeries',
        'setBand',
        'addBand',
        'delBand',
        'setAlpha',
        'setFocus',
        'syncLegend',
        'setLegend',
        'setLegendValues',
        'dblClick',
        'mouseDown',
        'mouseUp',
        'pubSync',
        'pub',
        'initCursorPt',
    ].map((name) => [inner(name), '']),
    ...['rangeLog', 'rangeAsinh', 'rangeNum', '_rangeNum', 'rect', '_drawAcc', 'legendStroke', 'legendFill', 'cursorPointShow'].map((name) => [
        outer(name),
        '',
    ]),
    [/const (?:rectH|rectV|drawAccH|drawAccV) = .*/g, ''],
    [/\bxScaleDistr == [34]|!rangeIsArr && isObj\(rn\)|\baxis\.label != null|\b(?:ticks|border)\.show\b|\b\w+Path instanceof Map/g, 'false'],
    [/(?<=else if \()scaleX\.time/, 'true'],
    [/range(?:Num|Log|Asinh)\((?:dataMin|_min)[^;]*\)(?=;)/g, 'nullNullTuple'],
    [/const legendOpts = \{[\s\S]*?\n\};/, ''],
    [/const legend     = \(self\.legend = .*|const markers    = .*|\blegend\.idxs = .*|\bmarkers\.\w+ += .*/g, ''],
    [/(?<=pt = )initCursorPt\(s, i\)/g, 'null'],
    [/(?<=\t\tshow: +)cursorPointShow/, 'null'],
    [/(?=for \(let i = .*\s+let s = series\[i\];\s+let idx1)/, 'if (false) '],
    [/cursor\.dataIdx == null|(?<=if \()bandClip(?=\))|\bscaleOpts\.from != null|\bw?sc\.from != null|series\.some\(s => s\._focus\).*(?=;)/g, 'false'],
    [/\b(?:wsc|sc)\.from == null/g, 'true'],
    [/cacheStrokeFill\(i, true\);|let _gaps = s\._paths[\s\S]*?drawPath\(i, true\);\s*\}|let _ptDia = [\s\S]*?points\.pxAlign = s\.pxAlign;/g, ''],
    [/(?<!, )\b_points\b/g, 'false'],
    [/\bpoints\.\w+ += fnOrSelf\(.*|(?<=\tpoints: \{)\s+one:[\s\S]*?(?=\n\t\})|(?<=\tpoints: \{)\s+show: seriesPointsShow,/g, ''],
    [/const xySeriesOpts = [\s\S]*?\n\};/, ''],
    [/\(opts\.plugins \|\| \[\]\)\.forEach\([\s\S]*?\n\t\}\);/g, ''],
    [/self\.(?:addBand|setBand|delBand) = \w+;/g, ''],
    [/events\.mousedown = mouseDown;|events\.mouseup = mouseUp;|onMouse\(mousedown, +over, mouseDown\);|drag\._[xy] = drag[XY];/g, ''],
    [/\bselect\.show && dragging\b|(?<=if \()(?:_?dragging)\b(?! =)/g, 'false'],
    [/events\.dblclick = dblClick;|events\["setSeries"\] = [\s\S]*?\n\t\};|onMouse\(dblclick, over, dblClick\);/g, ''],
    [/\n\tconst seriesIdxMatcher = [\s\S]*?(?=\n\tfunction destroy)|\bsync\.unsub\(self\);/g, ''],
    [/\b(?:pubSync\(.*\)|setLegend\(\));/g, ''],
    [/flags != 0 && bands\.forEach\([\s\S]*?\n\t\t\}\);/g, ''],
    [/\blegend\.(?:live|show)\b/g, 'false'],
    [/\bsrc != null\b|\bscaleX\.ori == 1\b|\b(?:cursorOnePt|shouldSetLegend)\b(?! =)|\b(?:uni|syncKey) != null\b/g, 'false'],
    [/const months = \[[\s\S]*?const months3 = .*/, ''],
    [/const engNames = \{[\s\S]*?\n\};/, ''],
    [/\n(?:const \w+ = )?genIncrs\(2, .*/, ''],
    [/const \[ *timeIncrsMs,.*/, ''],
    [/\bms == 1\b|\bdrag\.y\b|\b(?:\w+\.)?(?:distr|xScaleDistr) (?:== 2|== 100|>= 3)/g, 'false'],
    [/function _sync\([\s\S]*?\n\}|uPlot\.sync = _sync;/g, ''],
    [/\bsrc == null\b|\bscaleX\.ori == 0\b|\be != null\b/g, 'true'],
    [/\(paths\.(?:linear|stepped|bars|spline)\s*=.*\n/g, ''],
    [/let paths = uPlot\.paths = \{\s*points,\s*\};/g, ''],
    [/(?<=const (?:linear|points)Path = )\w+\(\)/g, 'null'],
    [/uPlot\.join = join;/g, ''],
    [/uPlot\.(?:rangeLog|rangeAsinh|assign|orient|addGap|clipGaps|fmtNum|rangeNum)\s*= \w+;/g, ''],
    [/\bmode == 2\b/g, 'false'],
    [/\bmode == 1\b/g, 'true'],
    [/\bshowLegend\b(?! =)/g, 'false'],
    [/\bmultiValLegend\b(?! =)/g, 'false'],
    [/\b(?:\w+\.)?distr == [34]\b/g, 'false'],
    [/\bcursorFocus\b(?! =)/g, 'false'],
    [/const _timeAxisStamps = \[[\s\S]*?\n\t\];/, 'const _timeAxisStamps = null;'],
    [/timeAxisVals\(_tzDate, timeAxisStamps\(.*_fmtDate\)\)/g, 'null'],
    [/timeSeriesVal\(_tzDate, timeSeriesStamp\(\w+, _fmtDate\)\)/g, 'null'],
    [/timeAxisVal\(_tzDate, av\)/g, 'null'],
    [/const _fmtDate = .*/g, ''],
    [/uPlot\.fmtDate = fmtDate;/g, ''],
];
const trimmed = {
    name: 'trimmed-uplot',
    setup(made) {
        made.onLoad({ filter: /uPlot\.esm\.js$/ }, ({ path }) => {
            const contents = UNUSED.reduce(
                (text, [part, by]) => {
                    const next = text.replace(part, by);
                    if (next === text) throw new Error(`uPlot has no ${part} any more: see what the new version can leave out`);
                    return next;
                },
                readFileSync(path, 'utf8'),
            );
            return { contents, loader: 'js' };
        });
    },
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'assets'), { recursive: true });

const bundle = async (name, options) => {
    const made = await build({
        entryPoints: [source(name)],
        bundle: true,
        minify: true,
        write: false,
        legalComments: 'none',
        charset: 'utf8',
        target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
        plugins: [trimmed],
        ...options,
    });
    return Buffer.from(made.outputFiles[0].contents);
};
// The licences of what is bundled have to go with it; in the stylesheet they do not delay the script.
const notice = ['preact', 'uplot']
    .map(
        (name) =>
            `/* ${name}\n\n${readFileSync(join(here, 'node_modules', name, 'LICENSE'), 'utf8')
                .replaceAll('\r', '')
                .trim()}\n*/\n`,
    )
    .join('');
const files = {
    script: [
        'app',
        'js',
        await bundle('main.tsx', {
            format: 'esm',
            inject: [source('shim.ts')],
            tsconfigRaw: { compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Fragment' } },
        }),
    ],
    style: ['app', 'css', Buffer.concat([await bundle('style.css', {}), Buffer.from(notice)])],
    icon: ['icon', 'svg', readFileSync(source('icon.svg'))],
};
let page = readFileSync(source('index.html'), 'utf8');
for (const [key, [stem, end, bytes]] of Object.entries(files)) {
    const name = `assets/${stem}-${hash(bytes)}.${end}`;
    const size = put(name, bytes);
    if (key === 'script' && size > MOST_SCRIPT) {
        throw new Error(`the script has ${size} bytes after gzip; at most ${MOST_SCRIPT} may be`);
    }
    page = page.replaceAll(`{{${key}}}`, name);
}
put('index.html', Buffer.from(page));
