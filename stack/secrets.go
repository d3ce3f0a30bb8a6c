package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/secrets"
	"github.com/scalestack/scalestack/internal/settings"
)

// secretsName is the name of the component, and of the only setting that is a secret.
const secretsName = "secrets"

// parseSecrets reads the setting secrets before anything else sees it, because messages
// about other settings show their values.
func parseSecrets(value any, encrypted bool) (map[string]any, field.ErrorList) {
	path := field.NewPath(secretsName)
	if all, ok := value.(map[string]any); ok && len(all) == 0 {
		return nil, nil // The default of Pulumi.yaml, which Pulumi does not encrypt.
	}
	if !encrypted {
		return nil, field.ErrorList{field.Forbidden(path, "is not encrypted. Fix: pulumi config set --secret --path 'scalestack:secrets.<name>.<key>'")}
	}
	all, ok := value.(map[string]any)
	if !ok {
		return nil, field.ErrorList{field.Forbidden(path, "must be an object of objects")}
	}
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(all)) {
		keys, ok := all[name].(map[string]any)
		if !ok {
			errs = append(errs, field.Forbidden(path.Child(name), "must be an object with a value by key"))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if text, ok := keys[key].(string); !ok || text == "" {
				errs = append(errs, field.Forbidden(path.Child(name, key), "must be a string that is not empty"))
			}
		}
	}
	return all, errs
}

// checkSecrets refuses a Secret that is used but that nobody creates, and one that
// lacks a key that its use needs.
func (c *Config) checkSecrets() field.ErrorList {
	errs := append(secrets.CheckNames(sectionPath(secretsName), c.Secrets), c.checkSecretNames()...)
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if slices.Contains(c.ExternalSecrets, name) {
			errs = append(errs, field.Duplicate(sectionPath("externalSecrets"), name))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		for _, use := range secretUses(c.Services[key], servicePath(key)) {
			errs = append(errs, c.checkUse(use)...)
		}
	}
	if name := c.Kubernetes.PullSecret; name != "" {
		errs = append(errs, c.checkUse(secretUse{sectionPath("kubernetes").Child("pullSecret"), name, []string{secrets.DockerConfigKey}})...)
	}
	if t := c.Postgres.TLS; t != nil {
		errs = append(errs, c.checkTLS("postgres", t.Secret)...)
	}
	if t := c.Redis.TLS; t != nil {
		errs = append(errs, c.checkTLS("redis", t.Secret)...)
	}
	return errs
}

// checkTLS checks the Secret of a section's tls, which is empty with an issuer.
func (c *Config) checkTLS(section, secret string) field.ErrorList {
	if secret == "" {
		return nil
	}
	return c.checkUse(secretUse{sectionPath(section).Child("tls", "secret"), secret,
		[]string{secrets.CertificateKey, secrets.PrivateKey, k8s.AuthorityKey}})
}

// secretUse is a place in the settings that names a Secret, with the keys that the pods
// need from it: without one of them they do not start.
type secretUse struct {
	path *field.Path
	name string
	keys []string
}

// checkUse knows only the keys of Secrets in the configuration itself.
func (c *Config) checkUse(use secretUse) field.ErrorList {
	data, own := c.Secrets[use.name]
	if !own {
		if slices.Contains(c.ExternalSecrets, use.name) {
			return nil
		}
		return field.ErrorList{notMade(use)}
	}
	var errs field.ErrorList
	for _, key := range use.keys {
		if _, given := data[key]; !given {
			errs = append(errs, field.Invalid(use.path, use.name, fmt.Sprintf("has no key %s; its keys: %s. Fix: %s",
				key, strings.Join(slices.Sorted(maps.Keys(data)), ", "), setSecret(use.name, key))))
		}
	}
	return errs
}

func notMade(use secretUse) *field.Error {
	key := "<key>"
	if len(use.keys) > 0 {
		key = use.keys[0]
	}
	return field.Invalid(use.path, use.name, "is made by nobody. Fix: "+setSecret(use.name, key)+
		", or list it in externalSecrets if something else makes it")
}

// setSecret is the command that adds a key, in the syntax of Pulumi's paths.
func setSecret(name, key string) string {
	path := "." + key
	if strings.Contains(key, ".") {
		path = `["` + key + `"]`
	}
	return "pulumi config set --secret --path 'scalestack:secrets." + name + path + "'"
}

// secretUses returns the Secrets that the pods of a service and of its Jobs mount.
func secretUses(s Service, path *field.Path) []secretUse {
	uses := mountedSecrets(path.Child("mounts"), s.Mounts)
	if s.Migration != nil {
		uses = append(uses, mountedSecrets(path.Child("migration", "mounts"), s.Migration.Mounts)...)
	}
	if s.PostRollout != nil {
		uses = append(uses, mountedSecrets(path.Child("postRollout", "mounts"), s.PostRollout.Mounts)...)
	}
	return uses
}

func mountedSecrets(path *field.Path, mounts []k8s.Mount) []secretUse {
	var uses []secretUse
	add := func(at *field.Path, secret pulumi.StringInput, keys ...string) {
		if name, known := settings.String(secret); known {
			uses = append(uses, secretUse{at.Child("secret"), name, keys})
		}
	}
	for i, m := range mounts {
		add(path.Index(i), m.Secret)
		for j, files := range m.Secrets {
			add(path.Index(i).Child("secrets").Index(j), files.Secret, slices.Sorted(maps.Keys(files.Files))...)
		}
	}
	return uses
}

// secrets registers the Secrets of the configuration, if there are any.
func (d *deployment) secrets() error {
	if len(d.Secrets) == 0 && d.Kubernetes.PullSecret == "" {
		return nil
	}
	data := map[string]map[string]pulumi.StringInput{}
	for name, values := range d.Secrets {
		data[name] = map[string]pulumi.StringInput{}
		for key, value := range values {
			data[name][key] = pulumi.String(value)
		}
	}
	made, err := secrets.New(d.ctx, secretsName, &secrets.Args{
		Namespace: d.wired.namespace, Data: data, PullSecret: d.Kubernetes.PullSecret,
	}, d.on)
	if err != nil {
		return err
	}
	d.wired.namespace, d.wired.secrets = made.Namespace, made.Objects()
	return nil
}

// secretsOf returns the configuration's Secrets that a service and its Jobs mount.
func (w wiring) secretsOf(s Service) []pulumi.Resource {
	names := map[string]bool{}
	for _, use := range secretUses(s, nil) {
		names[use.name] = true
	}
	return w.secretsNamed(slices.Sorted(maps.Keys(names))...)
}

// secretsNamed leaves out those that something else creates.
func (w wiring) secretsNamed(names ...string) []pulumi.Resource {
	var made []pulumi.Resource
	for _, name := range names {
		if object, own := w.secrets[name]; own {
			made = append(made, object)
		}
	}
	return made
}
