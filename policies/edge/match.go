// Package edge reads Cloudflare's rule language for the policies.
package edge

// Match says whether an expression may and whether it must match a request for
// path. Whatever else an expression asks for may be true or not, and so may one
// that cannot be read: it may match and need not.
func Match(expression, path string, authorized bool) (may, must bool) {
	v := evaluate(expression, request{path: path, authorized: authorized})
	return v != no, v == yes
}
