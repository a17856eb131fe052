// What the views are made with: frontend/helpers/interface.js names the same things.
export { Fragment, createContext, createRef, h, render } from "preact"
export { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks"
export { default as htm } from "htm"
