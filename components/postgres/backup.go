package postgres

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Backup is a continuous archive of each shard's log, with base backups, in a bucket of
// an S3 store. Turning it on or off restarts each shard once.
//
// The archive of shard 2 is the folder "<archive>-shard-2" of Bucket. It belongs to the
// cluster that first wrote to it: another cluster is refused, and no file of the log is
// ever overwritten by a different one.
type Backup struct {
	// Bucket is an existing bucket and a folder in it, for example
	// "s3://acme-backups/prod".
	Bucket string `json:"bucket" pulumi:"bucket" required:"true"`
	// Endpoint of a store other than Amazon's, for example
	// "https://minio.example.com:9000". Default: Amazon S3.
	Endpoint string `json:"endpoint" pulumi:"endpoint,optional" format:"url"`
	// Region of the bucket, for example "eu-central-1". Default: what boto3 finds.
	Region string `json:"region" pulumi:"region,optional"`
	// CredentialsSecret names a Secret of the namespace with the keys AWS_ACCESS_KEY_ID and
	// AWS_SECRET_ACCESS_KEY and, where needed, AWS_SESSION_TOKEN and ca.crt, the
	// certificates that the endpoint is verified with. A change takes effect at once,
	// without a restart. Default: none; the pods have an identity of their own.
	CredentialsSecret string `json:"credentialsSecret" pulumi:"credentialsSecret,optional" format:"label"`
	// ServiceAccountAnnotations give the pods that identity, for example
	// {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/backups"}.
	ServiceAccountAnnotations map[string]string `json:"serviceAccountAnnotations" pulumi:"serviceAccountAnnotations,optional"`
	// IntervalHours is the time between two base backups of a shard. The first is taken at
	// once. A restore replays the log from the base backup before its target.
	IntervalHours int `json:"intervalHours" pulumi:"intervalHours,optional" default:"24" min:"1" max:"168"`
	// RetentionDays is how far back a restore can go. After each base backup, older base
	// backups and log files that no restore within that time needs are removed; one base
	// backup always stays.
	RetentionDays int `json:"retentionDays" pulumi:"retentionDays,optional" default:"14" min:"1" max:"3650"`
	// ArchiveTimeoutSeconds is the age of a commit at which its log file is archived, full
	// or not. It bounds what is lost with the volume.
	ArchiveTimeoutSeconds int `json:"archiveTimeoutSeconds" pulumi:"archiveTimeoutSeconds,optional" default:"60" min:"10" max:"3600"`
	// Encryption to request from the store. Default: what the bucket does by itself.
	Encryption string `json:"encryption" pulumi:"encryption,optional" enum:"AES256,aws:kms"`
	// KMSKey is the id or the ARN of the key for encryption aws:kms. Default: Amazon's own.
	KMSKey string `json:"kmsKey" pulumi:"kmsKey,optional"`
	// Compression with gzip: of the log (wal), of base backups as well (all), or of nothing
	// (none). Compressed base backups take several times as long.
	Compression string `json:"compression" pulumi:"compression,optional" default:"wal" enum:"none,wal,all"`
	// Resources of the container that takes base backups, beside each server. Memory must
	// be at least 320Mi.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"20m\",\"cpuLimit\":\"1\",\"memory\":\"384Mi\"}"`
	// Verify restores one shard a day and reads every row. An empty object uses the
	// defaults. Adding or removing it restarts no shard. Default: none.
	Verify *Verify `json:"verify" pulumi:"verify,optional"`
	// EgressTo are the addresses of the store. Default: any, on the endpoint's port.
	EgressTo []k8s.Peer `json:"egressTo" pulumi:"egressTo,optional"`
	// MetricsFrom may read the metrics of that container. Default: nobody.
	MetricsFrom []k8s.Peer `json:"metricsFrom" pulumi:"metricsFrom,optional"`
	// Archive begins the names of the archives: no two clusters may have the same name in
	// one bucket. Default: the component's name.
	Archive string `json:"-" pulumi:"archive,optional" format:"label"`
}

//go:embed bucket.py
var bucketProgram string

//go:embed backup.py
var backupProgram string

//go:embed segments.py
var segmentsProgram string

//go:embed barman_check.sh
var barmanCheck string

// archiveMemory is for the program that archives a file of the log beside the server: 106
// MiB measured.
const archiveMemory = 128 * miB

// leastBackupMemory is what a base backup needs: 180 MiB measured, and 60 for the program
// that starts it.
const leastBackupMemory = 320 * miB

// archiveSettings make a server archive its log; none without backups.
func (a *Args) archiveSettings() []setting {
	if a.Backup == nil {
		return nil
	}
	return []setting{
		{"archive_mode", "on"},
		// What a process of the server may have is not for this program, see server.sh.
		{"archive_command", `ulimit -S -d "$(ulimit -H -d)"; exec python3 -I ` + configPath + "/backup.py archive %p"},
		{"archive_timeout", fmt.Sprint(a.Backup.ArchiveTimeoutSeconds)},
	}
}

// backupDecides reports whether a setting is decided by the component where there are
// backups.
func backupDecides(name string) bool {
	return strings.HasPrefix(name, "archive_") || strings.HasPrefix(name, "recovery_") || name == "restore_command"
}

// archiveName is that of the shard's first archive. A restore adds its own name.
func (p plan) archiveName() string {
	first := p.Backup.Archive
	if first == "" {
		first = p.component
	}
	return shardArchive(first, p.id)
}

// shardArchive names the first archive of a shard of the cluster whose archives begin so.
func shardArchive(first string, id int) string { return first + "-" + ShardName(id) }

// backupFiles are what the programs read. None of them restarts a server: each program is
// read anew when it runs next.
func backupFiles(p plan) map[string]string {
	b := p.Backup
	credentials := ""
	if b.CredentialsSecret != "" {
		credentials = bucketCredentialsPath
	}
	about := object{
		"bucket": b.Bucket, "endpoint": b.Endpoint, "region": b.Region, "encryption": b.Encryption, "kmsKey": b.KMSKey,
		"compression": b.Compression, "credentials": credentials, "archive": p.archiveName(), "shard": ShardName(p.id),
		"intervalSeconds": b.IntervalHours * 3600, "retentionDays": b.RetentionDays, "revision": p.bucketRevision(),
	}
	if b.Verify != nil {
		about["verifySeconds"] = len(p.Shards) * daySeconds
	}
	return map[string]string{
		"bucket.py": bucketProgram, "backup.py": backupProgram, "datadir.py": dataDirProgram, "rest.py": restProgram,
		"restore.py": restoreProgram, "replay.py": replayProgram, "segments.py": segmentsProgram, "backup.json": document(about),
	}
}

// bucketName is what S3 calls a bucket, and folders in it without characters that need
// quoting.
var bucketName = regexp.MustCompile(`^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.=-]+)*$`)

func (a *Args) checkBackup(path *field.Path) field.ErrorList {
	b := a.Backup
	if b == nil {
		return nil
	}
	var errs field.ErrorList
	if b.Bucket != "" && !bucketName.MatchString(b.Bucket) {
		errs = append(errs, field.Invalid(path.Child("backup", "bucket"), settings.Short(b.Bucket),
			"must be a bucket and a folder in it, such as s3://acme-backups/prod, without a '/' at the end"))
	}
	if b.KMSKey != "" && b.Encryption != "aws:kms" {
		errs = append(errs, field.Invalid(path.Child("backup", "kmsKey"), settings.Short(b.KMSKey), "must be left out unless encryption is aws:kms"))
	}
	if b.CredentialsSecret != "" && len(b.ServiceAccountAnnotations) > 0 {
		errs = append(errs, field.Invalid(path.Child("backup", "serviceAccountAnnotations"), len(b.ServiceAccountAnnotations),
			"must be left out with credentialsSecret: the pods would never use their own identity"))
	}
	errs = append(errs, checkAnnotations(path.Child("backup", "serviceAccountAnnotations"), b.ServiceAccountAnnotations)...)
	if memory, ok := b.Resources.Bytes(); ok && memory < leastBackupMemory {
		errs = append(errs, field.Invalid(path.Child("backup", "resources", "memory"), b.Resources.Memory, "must be at least 320Mi"))
	}
	return append(errs, a.checkBuilt(path, "must be an image with barman-cloud with backup, for example "+builtImage)...)
}
