// Help: the keys, and what the words mean, as the service defines them.
import { measuresOf } from './catalog';
import { useShared } from './context';
import { Dialog } from './ui';

const KEYS: readonly (readonly [string, string])[] = [
    ['?', 'this help'],
    ['[  ]', 'one step earlier, later'],
    ['1 2 3 4', '24 hours, 7 days, 28 days, this month'],
    ['Esc', 'close what is open; else back to the view before'],
    ['← →', 'in the chart: read it bucket by bucket; Page up and down by ten, Home and End'],
    ['Shift + ← →, Enter', 'in the chart: select, and zoom in'],
    ['Tab, Enter', 'everywhere: go to a control or a row, and use it'],
];

export function Help({ onClose }: { onClose: () => void }) {
    const { scene } = useShared();
    return (
        <Dialog title="Help" test="help-dialog" onClose={onClose}>
            <h3>Keys</h3>
            <dl class="keys-list">
                {KEYS.map(([key, what]) => (
                    <div key={key}>
                        <dt>
                            <kbd>{key}</kbd>
                        </dt>
                        <dd>{what}</dd>
                    </div>
                ))}
            </dl>
            <h3>With the mouse or a finger</h3>
            <p>
                Drag over the chart to zoom in. A tile sets the chart’s measure. A row filters by its group and looks into it: country,
                destination, and what tells more of it. Back in the browser undoes each.
            </p>
            <h3>Figures</h3>
            <p>
                They are the API’s, exact and rounded once. A change of a count is in percent, that of a ratio its difference (pp:
                percentage points). A change has a colour, red for worse and green for better, only where chance does not explain it: three
                standard errors of one figure, and the more the more groups a table has (4.3 of 137), so that by chance hardly any row has
                one. Means and percentiles have to differ by a quarter. “other” are the groups that the table leaves out; “total” is all.
            </p>
            <dl class="terms">
                {measuresOf(scene.catalog, scene.view.side).map((measure) => (
                    <div key={measure.name}>
                        <dt>{measure.label}</dt>
                        <dd>
                            {measure.definition}
                            {measure.standard !== null && ` ${measure.standard}.`}
                        </dd>
                    </div>
                ))}
            </dl>
        </Dialog>
    );
}
