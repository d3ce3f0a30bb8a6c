package policy

import (
	"fmt"
	"mime"
	"strings"
)

// families are types that an extension may come as beside its own: Cloudflare
// lets .jpg be image/webp and .gif be video/webm.
var families = map[string]string{"image": "image", "video": "image", "audio": "audio", "font": "font"}

// Mismatch is what Cache Deception Armor looks for: it returns why a
// response's type does not fit the extension of its path, or "" (page "Cache
// Deception Armor").
func Mismatch(extension, contentType string) string {
	returned, _, err := mime.ParseMediaType(contentType)
	expected, _, _ := strings.Cut(mime.TypeByExtension("."+extension), ";")
	if extension == "" || expected == "" || err == nil && returned == "application/octet-stream" {
		return ""
	}
	if err == nil && (returned == expected || sameFamily(returned, expected) || script(returned) && script(expected)) {
		return ""
	}
	return fmt.Sprintf(".%s came as %q and not as %s", extension, contentType, expected)
}

func sameFamily(a, b string) bool {
	top := func(t string) string { f, _, _ := strings.Cut(t, "/"); return families[f] }
	return top(a) != "" && top(a) == top(b)
}

// script has two names that both are in use.
func script(t string) bool { return t == "text/javascript" || t == "application/javascript" }
