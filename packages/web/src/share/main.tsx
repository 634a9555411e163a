/** What a share link opens. */
import '../app/style.css';
import './share.css';
import { render } from 'preact';
import { SharePage } from './share-page.tsx';

const root = document.getElementById('root');
if (root !== null) render(<SharePage />, root);
