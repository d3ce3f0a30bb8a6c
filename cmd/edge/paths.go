package main

import (
	"strings"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

// defaultPaths are the folders that the cdn component caches by default.
var defaultPaths = []string{"/static/*", "/images/*", "/js/*"}

// checkPaths takes what Cloudflare's analytics can be asked for.
func checkPaths(errs *zoneapi.Mistakes, paths []string) {
	if len(paths) == 0 {
		errs.Addf("--path", "is empty")
	}
	for _, path := range paths {
		folder, all := strings.CutSuffix(path, "*")
		if !strings.HasPrefix(path, "/") || all && !strings.HasSuffix(folder, "/") || strings.ContainsAny(folder, "*%?#") {
			errs.Addf("--path", "%q is not a path, or a folder such as /static/*", path)
		}
	}
}
