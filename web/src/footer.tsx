// The bottom of the page: what was asked of the API for what is shown, to be asked again elsewhere.
import { chartRequest, callsRequest, curl, tableRequest, url, type Scene } from './ask';
import { useShared } from './context';
import { Copy } from './ui';
import { write } from './view';

/** A relative address made absolute. */
function absolute(relative: string): string {
    return new URL(relative, location.href).href;
}

/** The table may be asked without the comparison that the chart has. */
export function Footer({ totals }: { totals: Scene }) {
    const { scene, session } = useShared();
    const { view, window } = scene;
    // The link has the very times: "the last 24 hours" would be others tomorrow.
    const fixed = {
        ...view,
        as: scene.catalog.role,
        range: 'own' as const,
        from: window.from,
        to: window.to,
        zone: scene.zone,
        compare: scene.compare,
        sampling: scene.sampling,
        live: 0,
    };
    const link = absolute(`?${write(fixed)}`);
    const table = absolute(url(scene, view.calls ? callsRequest(scene, null) : tableRequest(totals)));
    const chart = absolute(url(scene, chartRequest(scene)));
    return (
        <footer class="footer">
            <details data-test="api">
                <summary>What the API was asked</summary>
                <Asked title={view.calls ? 'Calls' : 'Table'} address={table} test="table" />
                <Asked title="Chart and tiles" address={chart} test="chart" />
                <div class="asked">
                    <h3>
                        Link to this view, with fixed times <Copy text={link} label="Copy" test="copy-link" />
                    </h3>
                    <pre tabIndex={0} data-test="view-link">
                        {link}
                    </pre>
                </div>
            </details>
            <p class="soft">
                <Copy text={link} label="Copy link to this view" test="share" /> Times by the clocks of {scene.zone}. <a href="docs">API</a>{' '}
                · cdrscope {session.version}
            </p>
        </footer>
    );
}

function Asked({ title, address, test }: { title: string; address: string; test: string }) {
    return (
        <div class="asked">
            <h3>
                {title} <Copy text={address} label="Copy URL" test={`copy-url-${test}`} />{' '}
                <Copy text={curl(address)} label="Copy curl" test={`copy-curl-${test}`} />
            </h3>
            <pre tabIndex={0} data-test={`api-url-${test}`}>
                {address}
            </pre>
            <pre tabIndex={0} data-test={`api-curl-${test}`}>
                {curl(address)}
            </pre>
        </div>
    );
}
