// The entry: draws the page in place of the frame that index.html paints first.
// First, so that the page's own modules lie next to each other and pack better.
import 'uplot';
import { render } from 'preact';
import { App } from './app';

const place = document.getElementById('app');
if (place !== null) {
    place.replaceChildren();
    render(<App />, place);
}
