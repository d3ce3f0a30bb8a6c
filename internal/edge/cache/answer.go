package cache

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/edge/policy"
)

// answer serves a kept response. The standard library knows ranges and
// conditional requests.
func (x *exchange) answer(w http.ResponseWriter, n *entry, status policy.Status) {
	header, body, in := w.Header(), n.body, x.in
	maps.Copy(header, n.header.Clone())
	header.Set(statusHeader, string(status))
	if status.FromCache() {
		header.Set("Age", strconv.Itoa(int(n.age(x.edge.Now())/time.Second)))
	}
	policy.SetBrowserTTL(header, x.settings)
	plain := n.header.Get("Content-Encoding") == "gzip" && !acceptsGzip(in.Header)
	if plain {
		var err error
		if body, err = unpack(body); err != nil {
			x.edge.unreachable(w, err)
			return
		}
		decoded(header)
	}
	if plain || !rangeForm.MatchString(in.Header.Get("Range")) {
		in = in.Clone(in.Context())
		in.Header.Del("Range")
	}
	if n.status == http.StatusOK {
		if _, typed := header["Content-Type"]; !typed {
			header["Content-Type"] = nil
		}
		http.ServeContent(w, in, "", n.lastModified(), bytes.NewReader(body))
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(n.status)
	if in.Method != http.MethodHead {
		w.Write(body)
	}
}

// rangeForm is a Range that can be parsed; others are ignored (page "Range
// request behavior").
var rangeForm = regexp.MustCompile(`^bytes=\s*([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})(\s*,\s*([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18}))*\s*$`)

// relay passes the origin's answer on to the only visitor that it is for.
func (x *exchange) relay(w http.ResponseWriter) {
	response, header := x.private, w.Header()
	removeOwn(response.Header)
	maps.Copy(header, response.Header)
	header.Set(statusHeader, string(x.verdict.Status))
	header.Set(reasonHeader, x.verdict.Reason)
	var body io.Reader = response.Body
	if response.Header.Get("Content-Encoding") == "gzip" && !acceptsGzip(x.in.Header) {
		plain, err := gzip.NewReader(response.Body)
		if err != nil {
			x.edge.unreachable(w, err)
			return
		}
		body = plain
		decoded(header)
	}
	w.WriteHeader(response.StatusCode)
	if x.in.Method != http.MethodHead {
		io.Copy(w, body)
	}
}

// decoded changes the headers of a body that was unpacked: it is no longer
// byte for byte the origin's (page "Using ETag headers with Cloudflare").
func decoded(header http.Header) {
	header.Del("Content-Encoding")
	header.Del("Content-Length")
	if tag := header.Get("Etag"); strings.HasPrefix(tag, `"`) {
		header.Set("Etag", "W/"+tag)
	}
}

func unpack(body []byte) ([]byte, error) {
	plain, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

// acceptsGzip reads Accept-Encoding. Whoever sends none gets no encoding.
func acceptsGzip(header http.Header) bool {
	for _, list := range header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(list, ",") {
			name, weight, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
			name, weight = strings.TrimSpace(name), strings.TrimSpace(weight)
			if name == "gzip" || name == "*" {
				q, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64)
				return weight == "" || err == nil && q > 0
			}
		}
	}
	return false
}
