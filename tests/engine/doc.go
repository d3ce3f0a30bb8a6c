// Package engine holds components to what Pulumi's own engine does with them: aliases,
// transforms, hooks, protection and retention. Mocks record these and act on none.
package engine
