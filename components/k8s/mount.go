package k8s

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// Mount puts one source into one folder of a container. Exactly one of ConfigMap,
// Secret, Secrets and EmptyDir is set. All but EmptyDir are read-only, and their
// files change in place when the source does.
type Mount struct {
	// Name of the volume, a DNS label, unique in its pod.
	Name string `json:"name" pulumi:"name" required:"true" format:"label"`
	// Path of the folder, absolute, unique in its container.
	Path string `json:"path" pulumi:"path" required:"true" format:"path"`
	// ConfigMap to mount, with one file per key.
	ConfigMap pulumi.StringInput `json:"configMap" pulumi:"configMap,optional"`
	// Secret to mount, with one file per key.
	Secret pulumi.StringInput `json:"secret" pulumi:"secret,optional"`
	// Secrets to mount, as files at chosen paths below Path.
	Secrets []SecretFiles `json:"secrets" pulumi:"secrets,optional"`
	// EmptyDir is the size limit of an empty writable folder, for example "64Mi".
	// The root file system is read-only.
	EmptyDir string `json:"emptyDir" pulumi:"emptyDir,optional" format:"quantity"`
}

// SecretFiles place some keys of one Secret.
type SecretFiles struct {
	// Secret is the name of the object.
	Secret pulumi.StringInput `json:"secret" pulumi:"secret" required:"true"`
	// Files maps keys of the object to paths below the mount, for example "password" to
	// "shard-0/password".
	Files map[string]string `json:"files" pulumi:"files" required:"true"`
}

// Check refuses a mount without a source or with several.
func (m Mount) Check(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	sources := 0
	for _, set := range []bool{m.ConfigMap != nil, m.Secret != nil, len(m.Secrets) > 0, m.EmptyDir != ""} {
		if set {
			sources++
		}
	}
	if sources != 1 {
		errs = append(errs, field.Invalid(at, m.Name, fmt.Sprintf("must have one of configMap, secret, secrets and emptyDir, not %d", sources)))
	}
	return append(errs, checkFiles(at.Child("secrets"), m.Secrets)...)
}

// checkFiles refuses files outside the mount, and two at one path.
func checkFiles(at *field.Path, secrets []SecretFiles) field.ErrorList {
	var errs field.ErrorList
	taken := map[string]bool{}
	for i, secret := range secrets {
		for _, key := range slices.Sorted(maps.Keys(secret.Files)) {
			file, one := secret.Files[key], at.Index(i).Child("files").Child(key)
			if path.IsAbs(file) || path.Clean(file) != file || file == "." || strings.HasPrefix(file, "..") {
				errs = append(errs, field.Invalid(one, file, "must be a path below the mount"))
			}
			if taken[file] {
				errs = append(errs, field.Duplicate(one, file))
			}
			taken[file] = true
		}
	}
	return errs
}

// CheckMounts refuses mounts that share a name or a path.
func CheckMounts(at *field.Path, mounts []Mount) field.ErrorList {
	var errs field.ErrorList
	names, paths := map[string]bool{}, map[string]bool{}
	for i, m := range mounts {
		if names[m.Name] {
			errs = append(errs, field.Duplicate(at.Index(i).Child("name"), m.Name))
		}
		if paths[m.Path] {
			errs = append(errs, field.Duplicate(at.Index(i).Child("path"), m.Path))
		}
		names[m.Name], paths[m.Path] = true, true
	}
	return errs
}

// CheckEnv refuses names that no environment variable can have, and variables
// without a value.
func CheckEnv(at *field.Path, env map[string]pulumi.StringInput) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if len(validation.IsEnvVarName(name)) > 0 {
			errs = append(errs, field.Invalid(at, settings.Short(name), "must be the name of an environment variable"))
		}
		if env[name] == nil {
			errs = append(errs, field.Required(at.Child(name), ""))
		}
	}
	return errs
}

// CheckIngress refuses peers that have no port to connect to.
func CheckIngress(at *field.Path, from []Peer, setting string, port int) field.ErrorList {
	if port == 0 && len(from) > 0 {
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("has %d peers and no port to connect to: %s is 0", len(from), setting))}
	}
	return nil
}
