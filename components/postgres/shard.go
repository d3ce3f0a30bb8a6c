package postgres

import (
	"fmt"
	"path"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/sharding/owner"
)

const (
	// Port where every shard listens.
	Port = 5432
	// AdminRole is the superuser.
	AdminRole = "postgres"
	// AppRole is the role of the application.
	AppRole = "app"
	// DrainedAnnotation is on the StatefulSet and the claim of a drained shard.
	DrainedAnnotation = "scalestack/drained"
)

// Shard says how to reach one shard.
type Shard struct {
	// ID is the number from Args.Shards.
	ID int `pulumi:"id"`
	// Name is the shard's name in the shard map, for example "shard-0".
	Name string `pulumi:"name"`
	// Host is the name of the clients' Service, known once the server is ready:
	// what uses it comes after the shard.
	Host pulumi.StringOutput `pulumi:"host"`
	// Port is where the server listens.
	Port int `pulumi:"port"`
	// Database holds the shard's rows, for example "shard_0_db".
	Database string `pulumi:"database"`
	// AdminSecret is the name of the superuser's Secret, with the keys username and
	// password.
	AdminSecret pulumi.StringOutput `pulumi:"adminSecret"`
	// AppSecret is the name of the application's Secret, with the same keys.
	AppSecret pulumi.StringOutput `pulumi:"appSecret"`
	// Drained means that the shard is to hand all its buckets to the others.
	Drained bool
	// Checksum changes with the shard's passwords and settings. It is a secret.
	Checksum pulumi.StringOutput
	// Logins are the passwords of migrations and moves by role, for RolesArgs.Administrators. They are secrets.
	Logins pulumi.StringMap
}

// ShardName is a shard's name in the shard map.
func ShardName(id int) string { return fmt.Sprintf("shard-%d", id) }

// Database is the name of a shard's database.
func Database(id int) string { return fmt.Sprintf("shard_%d_db", id) }

// PodLabels are the labels that all shards of the component with this name
// carry, for others' network policies.
func PodLabels(name string) pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":    pulumi.String(name),
		"app.kubernetes.io/part-of": pulumi.String(kube.PartOf),
	}
}

// The two Secrets of a shard, each with the keys username and password.
const (
	// AdminCredentials are those of AdminRole.
	AdminCredentials = "admin"
	// AppCredentials are those of AppRole.
	AppCredentials = "app"
)

// What logs in to shards beside their pods and the services' own roles. None is a superuser's.
const (
	// OwnerLogin is for services' migrations: it has what they have made.
	OwnerLogin = "owner"
	// MoverLogin is for the engine's own programs, and those that look after the shards.
	MoverLogin = "mover"
)

var logins = map[string]string{OwnerLogin: owner.Role, MoverLogin: owner.Mover}

// LoginFiles are the keys of a shard's Secret of AdminCredentials, and the files of a folder username, password and
// FormerKey, with which a login of OwnerLogin or MoverLogin is mounted. The superuser's is not among them.
func LoginFiles(login, folder string, former bool) map[string]string {
	files := map[string]string{}
	for _, key := range []string{"username", "password", FormerKey} {
		if key != FormerKey || former {
			files[login+"-"+key] = path.Join(folder, key)
		}
	}
	return files
}

// SecretName is the name of a shard's Secret: of AdminCredentials or
// AppCredentials. It is known before the component is made.
func SecretName(component string, id int, of string) string {
	return component + "-" + ShardName(id) + "-" + of
}

// ConfigName is the name of the ConfigMap with a shard's settings.
func ConfigName(component string, id int) string {
	return plan{component: component, id: id}.configMap()
}

// plan is one member of a shard to build: its names and the arguments with defaults.
type plan struct {
	*Args
	component string
	id        int
	// member is 0 for the first or only one.
	member int
}

// object is the name of the shard's main objects.
func (p plan) object() string { return p.component + "-" + ShardName(p.id) }

// set is the name of the member's StatefulSet. Each has one of its own, so that claims
// stay objects of their own, see the package's comment. The first member's is that of a
// shard with one, so that more can join it.
func (p plan) set() string { return p.object() + p.suffix() }

func (p plan) pod() string { return p.set() + "-0" }

// name tells the member in messages: "shard-0", or "shard-0-m1".
func (p plan) name() string { return ShardName(p.id) + p.suffix() }

func (p plan) suffix() string {
	if p.member == 0 {
		return ""
	}
	return fmt.Sprintf("-m%d", p.member)
}

// isNew tells that nothing of the shard exists yet.
func (p plan) isNew() bool { return slices.Contains(p.New, p.id) }

// replicated tells that the shard has more than one member.
func (p plan) replicated() bool { return p.Members > 1 }

// image is that of the shard's servers, and of all that reads its data.
func (p plan) image() pulumi.StringInput {
	if own, named := p.Images[p.id]; named {
		return own
	}
	return p.Image
}

func (p plan) drained() bool { return slices.Contains(p.Drained, p.id) }

// annotations adds to its own what all objects that hold data tell.
func (p plan) annotations(own pulumi.StringMap) pulumi.StringMap {
	if p.drained() {
		own[DrainedAnnotation] = pulumi.String("true")
	}
	return own
}

// podHost is the pod's own name in the cluster's DNS, which it has before it is
// ready. The dot at the end keeps the resolver from trying other domains.
func (p plan) podHost() pulumi.StringOutput {
	return pulumi.Sprintf("%s.%s.%s.svc.cluster.local.", p.pod(), p.headless(), p.Namespace)
}

func (p plan) headless() string { return p.object() + "-headless" }

func (p plan) configMap() string { return p.object() + "-config" }

// claim is the name that a StatefulSet's template "data" would give, so that
// data of such a set is adopted.
func (p plan) claim() string { return "data-" + p.pod() }

func (p plan) secret(of string) string { return SecretName(p.component, p.id, of) }

func (p plan) labels() kube.Labels { return kube.Labels{Name: p.component, Instance: p.object()} }
