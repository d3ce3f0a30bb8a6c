package settings

// Command is a command's settings: what it reads, and how.
type Command[S any] struct {
	// Name is the command's.
	Name string
	// start returns settings with the defaults that depend on the command.
	start func() *S
}

// The commands that read settings.
var (
	ServeCommand      = command("serve", func() *Serve { return &Serve{} })
	AskCommand        = command("ask", func() *Ask { return &Ask{} })
	MigrateCommand    = command("migrate", func() *Migrate { return &Migrate{} })
	RelayCommand      = command("relay", func() *Relay { return &Relay{Worker: worker("relay")} })
	EmailCommand      = command(EmailGroup, func() *Email { return &Email{Consumer: consumer(EmailGroup)} })
	AnalyticsCommand  = command(AnalyticsGroup, func() *Analytics { return &Analytics{Consumer: consumer(AnalyticsGroup)} })
	InvalidateCommand = command(InvalidateGroup, func() *Invalidate { return &Invalidate{Consumer: consumer(InvalidateGroup)} })
)

func command[S any](name string, start func() *S) Command[S] { return Command[S]{name, start} }

func worker(name string) Worker { return Worker{Kafka: Kafka{User: name}} }

func consumer(name string) Consumer { return Consumer{Worker: worker(name), Group: name} }

// Load reads the settings from an environment as os.Environ has it; the error
// holds every mistake.
func (c Command[S]) Load(environ []string) (*S, error) { return load(c.start(), environ) }

// Help lists the settings for people.
func (c Command[S]) Help() string { return help(c.start()) }

// Fields lists the settings.
func (c Command[S]) Fields() []Field { return listFields(c.start()) }

// All lists the settings of every command, by its name.
func All() map[string][]Field {
	return map[string][]Field{
		ServeCommand.Name: ServeCommand.Fields(), AskCommand.Name: AskCommand.Fields(), MigrateCommand.Name: MigrateCommand.Fields(),
		RelayCommand.Name: RelayCommand.Fields(), EmailCommand.Name: EmailCommand.Fields(),
		AnalyticsCommand.Name: AnalyticsCommand.Fields(), InvalidateCommand.Name: InvalidateCommand.Fields(),
	}
}
