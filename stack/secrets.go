package stack

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/secrets"
	"github.com/scalestack/scalestack/internal/settings"
)

// secretsName is the name of the component and of the only setting that is a secret.
const secretsName = "secrets"

// parseSecrets reads the setting secrets before anything else sees it, since a message
// about another setting shows its value.
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

// checkSecrets refuses a Secret that a service mounts and nobody makes.
func (c *Config) checkSecrets() field.ErrorList {
	errs := secrets.CheckNames(sectionPath(secretsName), c.Secrets)
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if slices.Contains(c.ExternalSecrets, name) {
			errs = append(errs, field.Duplicate(sectionPath("externalSecrets"), name))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[key]
		errs = append(errs, c.missing(servicePath(key).Child("mounts"), s.Mounts)...)
		if s.Migration != nil {
			errs = append(errs, c.missing(servicePath(key).Child("migration", "mounts"), s.Migration.Mounts)...)
		}
	}
	if name := c.Kubernetes.PullSecret; name != "" && !c.hasSecret(name) {
		errs = append(errs, notMade(sectionPath("kubernetes").Child("pullSecret"), name, `["`+secrets.DockerConfigKey+`"]`))
	}
	if t := c.Postgres.TLS; t != nil {
		errs = append(errs, c.unmadeCertificate("postgres", t.Secret)...)
	}
	if t := c.Redis.TLS; t != nil {
		errs = append(errs, c.unmadeCertificate("redis", t.Secret)...)
	}
	return errs
}

// unmadeCertificate reports the Secret of a section's tls, which is empty with an issuer.
func (c *Config) unmadeCertificate(section, secret string) field.ErrorList {
	if secret == "" || c.hasSecret(secret) {
		return nil
	}
	return field.ErrorList{notMade(sectionPath(section).Child("tls", "secret"), secret, `["tls.crt"]`)}
}

func (c *Config) missing(path *field.Path, mounts []k8s.Mount) field.ErrorList {
	var errs field.ErrorList
	check := func(at *field.Path, secret pulumi.StringInput) {
		if name, known := settings.String(secret); known && !c.hasSecret(name) {
			errs = append(errs, notMade(at, name, ".<key>"))
		}
	}
	for i, m := range mounts {
		if m.Secret != nil {
			check(path.Index(i).Child("secret"), m.Secret)
		}
		for j, files := range m.Secrets {
			check(path.Index(i).Child("secrets").Index(j).Child("secret"), files.Secret)
		}
	}
	return errs
}

func (c *Config) hasSecret(name string) bool {
	_, own := c.Secrets[name]
	return own || slices.Contains(c.ExternalSecrets, name)
}

// notMade ends the path of the fix with the key, in the spelling of Pulumi's paths.
func notMade(path *field.Path, name, key string) *field.Error {
	return field.Invalid(path, name, "is made by nobody. Fix: pulumi config set --secret --path 'scalestack:secrets."+name+
		key+"', or list it in externalSecrets if something else makes it")
}

// secrets makes the Secrets of the configuration. Without any, nothing is registered.
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
		Namespace: d.wired.namespace, Data: data, PullSecret: d.Kubernetes.PullSecret, Certificate: d.Gateway.certificate(),
	}, d.on)
	if err != nil {
		return err
	}
	d.wired.namespace, d.wired.secrets = made.Namespace, made.Names
	return nil
}

// madeSecret lets what uses a Secret of the configuration come after it.
func (c *Config) madeSecret(secret pulumi.StringInput, made pulumi.StringMapOutput) pulumi.StringInput {
	name, known := settings.String(secret)
	if _, own := c.Secrets[name]; !known || !own {
		return secret
	}
	return made.MapIndex(pulumi.String(name))
}

// withSecrets lets a service come after the Secrets of the configuration that it
// mounts.
func (c *Config) withSecrets(mounts []k8s.Mount, made pulumi.StringMapOutput) []k8s.Mount {
	all := slices.Clone(mounts)
	for i := range all {
		if all[i].Secret != nil {
			all[i].Secret = c.madeSecret(all[i].Secret, made)
		}
		all[i].Secrets = slices.Clone(all[i].Secrets)
		for j := range all[i].Secrets {
			all[i].Secrets[j].Secret = c.madeSecret(all[i].Secrets[j].Secret, made)
		}
	}
	return all
}
