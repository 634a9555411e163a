/** Entry of the page. */
import { render } from 'preact';

const root = document.getElementById('root');
if (root !== null) render(<main>kith</main>, root);
