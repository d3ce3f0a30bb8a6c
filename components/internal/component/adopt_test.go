package component

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const zone = "0123456789abcdef0123456789abcdef"

func failure(operation, message string) *pulumi.ErrorHookArgs {
	return &pulumi.ErrorHookArgs{
		URN:             "urn:pulumi:dev::shop::scalestack:cdn:CDN$cloudflare:index/ruleset:Ruleset::cdn-cache-rules",
		Name:            "cdn-cache-rules",
		Type:            "cloudflare:index/ruleset:Ruleset",
		NewInputs:       resource.PropertyMap{"zoneId": resource.NewStringProperty(zone)},
		FailedOperation: operation,
		Errors:          []string{message, "an older error"},
	}
}

// The messages are the provider's (rulesets, records) and the API's (page rules).
func TestAFailedCreateLeadsToTheImport(t *testing.T) {
	for _, message := range []string{
		"A similar configuration with rules already exists and overwriting will have unintended consequences.",
		"'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase http_ratelimit (20217)",
		"exceeded maximum number of zone rulesets for phase 'http_request_cache_settings'",
		"expected DNS record to not already be present but already exists",
		"An A, AAAA, or CNAME record with that host already exists. (81053)",
		"Your zone already has an existing page rule with that URL. (1017)",
	} {
		hint := adoption(failure("create", message), "cdn", "zone/%s/<ruleset id>")
		require.Contains(t, hint, "\n    pulumi import cloudflare:index/ruleset:Ruleset cdn-cache-rules zone/"+zone+"/<ruleset id> "+
			"--parent cdn=urn:pulumi:dev::shop::scalestack:cdn:CDN::cdn --protect=false --generate-code=false\n")
	}
	require.Empty(t, adoption(failure("create", "Authentication error (10000)"), "cdn", "%s"))
	require.Empty(t, adoption(failure("update", "already exists"), "cdn", "%s"))
}

func TestAdoptionOfAZoneThatIsNotKnownYet(t *testing.T) {
	failed := failure("create", "already exists")
	failed.NewInputs = nil
	require.Contains(t, adoption(failed, "cdn", "%s/<record id>"), " <zone>/<record id> ")
}

// The import leaves the zone's name out of a record's, and another name is another record.
func TestAnImportedRecordGetsItsFullName(t *testing.T) {
	record := func(name string) string {
		failed := failure("create", "already exists")
		failed.Name, failed.Type = "gateway-record", "cloudflare:index/record:Record"
		failed.NewInputs["name"] = resource.NewStringProperty(name)
		return adoption(failed, "gateway", "%s/<record id>")
	}
	for _, name := range []string{"www.example.com", "@"} {
		require.Contains(t, record(name), `select(.urn | endswith("::gateway-record")) | (.inputs, .outputs).name) = "`+name+`"' | pulumi stack import`)
	}
	require.NotContains(t, record("www"), "stack import")
	require.NotContains(t, adoption(failure("create", "already exists"), "cdn", "%s"), "stack import")
}
