// Downloads: plain links to the same questions as files, so that the browser streams them with the session's cookie.
import { useState } from 'preact/hooks';
import { ApiError, send } from './api';
import { callsFile, chartRequest, fileUrl, tableRequest, url, type Scene } from './ask';
import { callColumnsOf, hasExports } from './catalog';
import { useShared } from './context';
import { base } from './session';
import { Icon, Menu } from './ui';
import { query } from './view';

/** Formats as people know them; others are shown by name. */
const LABELS: Readonly<Record<string, string>> = {
    csv: 'CSV',
    xlsx: 'Excel',
    ndjson: 'NDJSON',
    'csv.gz': 'CSV, gzip',
    'csv.zst': 'CSV, zstd',
    parquet: 'Parquet',
    arrow: 'Arrow',
};
const OF_REPORTS = ['csv', 'xlsx', 'ndjson'];
const OF_CALLS = ['csv', 'xlsx', 'csv.gz', 'parquet', 'ndjson'];

export function Downloads() {
    const { scene, go, isCalm } = useShared();
    const { catalog, view } = scene;
    const [told, setTold] = useState('');
    const canCall = callColumnsOf(catalog, view.side).length > 0;
    // Definitions list the formats of reports; those of calls are more.
    const reports = OF_REPORTS.filter((name) => catalog.definitions.formats.includes(name));
    // As the page shows them: where totals are not compared, the table has no changes, and the chart those of its buckets alone.
    const shown: Scene = isCalm ? { ...scene, compare: 'none' } : scene;
    const table = { ...shown, view: { ...view, limit: catalog.definitions.limits.limit } };
    const asked = chartRequest(scene);
    const chart = isCalm ? { ...asked, pairs: [...asked.pairs, ['totals', 'false'] as const] } : asked;
    const order = async () => {
        setTold('Asking…');
        const { path, pairs } = callsFile(scene);
        try {
            await send('POST', `${base(catalog.role)}exports?${query([['report', path], ...pairs, ['format', 'csv.gz']])}`);
            go({ page: 'exports' });
        } catch (error) {
            setTold(
                error instanceof ApiError && error.status === 404
                    ? 'Exports are off on this service (exports.dir).'
                    : error instanceof ApiError && error.message !== ''
                      ? error.message
                      : 'It could not be asked for.',
            );
        }
    };
    return (
        <Menu
            label={
                <>
                    <Icon name="download" />
                    Download
                </>
            }
            name="Download"
            align="end"
            test="download"
        >
            {() => (
                <div class="downloads">
                    {!view.calls && (
                        <Links
                            title="The table, all groups"
                            test="table"
                            links={reports.map((name) => [name, fileUrl(table, tableRequest(table), name)] as const)}
                        />
                    )}
                    <Links
                        title="The chart"
                        test="chart"
                        links={reports.map((name) => [name, fileUrl(scene, chart, name)] as const)}
                    />
                    {canCall && (
                        <Links
                            title="The calls, one by one"
                            test="calls"
                            links={OF_CALLS.map((name) => [name, fileUrl(scene, callsFile(scene), name)] as const)}
                        />
                    )}
                    {canCall && hasExports(catalog) && (
                        <button type="button" class="item" data-test="export-order" onClick={order}>
                            The calls, later: make the file in the background
                        </button>
                    )}
                    {told !== '' && (
                        <p class="soft" role="status" data-test="export-told">
                            {told}
                        </p>
                    )}
                    <a class="item" href={url(shown, tableRequest(shown))} target="_blank" rel="noreferrer" data-test="download-json">
                        The table as JSON
                    </a>
                </div>
            )}
        </Menu>
    );
}

function Links({ title, links, test }: { title: string; links: readonly (readonly [string, string])[]; test: string }) {
    return (
        <div class="links">
            <span>{title}</span>
            {links.map(([format, href]) => (
                <a key={format} class="button small" href={href} download="" data-test={`download-${test}-${format}`}>
                    {LABELS[format] ?? format}
                </a>
            ))}
        </div>
    );
}
