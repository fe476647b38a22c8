// What JSX is made of: injected by the build, since calls of `h` pack better than those of the automatic runtime.
export { Fragment, h } from 'preact';
