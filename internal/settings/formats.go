package settings

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Format is a named form of a string.
type Format struct {
	// Allowed says what the format takes, after "must be".
	Allowed string
	// Check returns what is wrong with a value, or "".
	Check func(value string) string
}

// Formats are the formats that a tag may name:
//
//	quantity  a positive Kubernetes quantity, such as 500m or 1Gi
//	image     an OCI image reference with a fixed version
//	label     a DNS label: lower-case letters, digits and '-', up to 63
//	host      a DNS name or an IP address
//	cidr      an address range, such as 203.0.113.0/24
//	path      an absolute path without "." and ".."
//	labelKey  the key of a Kubernetes label or annotation
//	issuer    the address of an OpenID Connect issuer
//	url       an http or https address
//	version   a Kubernetes version, such as 1.33
var Formats = map[string]Format{
	"quantity": {`a quantity in quotes, such as "500m", "2" or "1Gi"`, quantityProblem},
	"image":    {"an image with a tag other than latest, or a digest", imageProblem},
	"label":    {dnsLabel, unless(isLabel, dnsLabel)},
	"host":     {"a DNS name or an IP address", unless(isHost, "a DNS name or an IP address")},
	"cidr":     {"an address range such as 203.0.113.0/24", rangeProblem},
	"path":     {absolutePath, unless(isAbsolute, absolutePath)},
	"labelKey": {"a label key such as topology.kubernetes.io/zone", unless(isLabelKey, "a label key such as topology.kubernetes.io/zone")},
	"issuer":   {issuerAddress, unless(isIssuer, issuerAddress)},
	"url":      {httpAddress, unless(isURL, httpAddress)},
	"version":  {"a version such as 1.33", unless(version.MatchString, "a version such as 1.33")},
}

const (
	dnsLabel      = "a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends"
	absolutePath  = "an absolute path without '.', '..' or a trailing '/'"
	httpAddress   = "an http or https address without a query, such as http://prometheus.monitoring:9090"
	issuerAddress = "an https address without a query, such as https://login.example.com"
)

var version = regexp.MustCompile(`^\d+\.\d+$`)

func formatOf(name string) Format {
	format, ok := Formats[name]
	if !ok {
		panic("settings: no format is called " + name)
	}
	return format
}

// unless makes a check whose only problem is that the value has another form.
func unless(valid func(string) bool, allowed string) func(string) string {
	return func(value string) string {
		if valid(value) {
			return ""
		}
		return "must be " + allowed
	}
}

func isLabel(value string) bool { return len(validation.IsDNS1123Label(value)) == 0 }

func isLabelKey(value string) bool { return len(validation.IsQualifiedName(value)) == 0 }

func isAbsolute(value string) bool { return path.IsAbs(value) && path.Clean(value) == value }

func isHost(value string) bool {
	_, err := netip.ParseAddr(value)
	return err == nil || len(validation.IsDNS1123Subdomain(value)) == 0
}

// isIssuer takes no plain http: whoever changes the issuer's keys on their way can
// be anybody.
func isIssuer(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func isURL(value string) bool {
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func quantityProblem(value string) string {
	q, err := resource.ParseQuantity(value)
	switch {
	case err != nil:
		return "must be a quantity such as 500m, 2 or 1Gi"
	case q.Sign() <= 0:
		return "must be greater than 0"
	}
	return ""
}

// imageProblem follows the reference grammar of container runtimes. A missing
// tag and "latest" are refused, since either may start another version after the
// next restart.
func imageProblem(value string) string {
	image, err := reference.ParseNormalizedNamed(value)
	if err != nil {
		return "must be an image such as name:1.2"
	}
	if _, fixed := image.(reference.Digested); fixed {
		return ""
	}
	if tagged, ok := image.(reference.Tagged); !ok || tagged.Tag() == "latest" {
		return "must name a version: a tag other than latest, or a digest"
	}
	return ""
}

func rangeProblem(value string) string {
	prefix, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		return "must be an address range such as 203.0.113.0/24"
	case prefix != prefix.Masked():
		return "must not have bits set after the mask, unlike " + prefix.Masked().String()
	}
	return ""
}
