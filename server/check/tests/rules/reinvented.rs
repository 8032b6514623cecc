//! `reinvented`: what a change writes again, and what only looks like it.

use conexus_check::Rule;
use conexus_testkit::{PARSE_DURATION, Repository, Workspace};

use crate::{SPLIT_WORDS, findings};

#[test]
fn what_only_resembles_older_code_is_not_reinvented() {
    let repository = Repository::init(Workspace::empty());
    repository.write("src/config/time.rs", PARSE_DURATION);
    for (from, to) in [("trim", "to_lowercase"), ("checked_mul", "checked_add"), ("3600", "7200"), ("split_at", "part")]
    {
        repository.write("src/other.rs", PARSE_DURATION.replace("parse_duration", "read_size").replace(from, to));
        assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new(), "{to}");
    }
    let turned = PARSE_DURATION.replace("!letter", "letter").replace("parse_duration", "read_size");
    repository.write("src/other.rs", turned);
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
}

/// The head of the new function, what it takes or where the old one stands says that the old one could not be called.
#[test]
fn what_could_not_be_called_instead_is_not_reinvented() {
    let toast = "bool show_toast(const char *message)
{
    JNIEnv *env = jni_env();
    jstring text = new_string(env, message);
    bool shown = call_static(env, activity_class, method_show_toast, text);
    delete_local(env, text);
    return shown;
}
";
    let records = "class Getter {
    static List<String> names(FirstRequest request) {
        return StreamSupport.stream(request.headers().spliterator(), false)
            .map(Header::key)
            .filter(key -> key.length() > 0)
            .collect(Collectors.toList());
    }
}
";
    let slot = "int connection_slot(void)
{
    static int slot = -1;
    if (slot < 0) {
        slot = table_reserve(0, NULL, NULL, table_release, NULL);
    }
    return slot;
}
";
    let forget = "<?php
function forget_filter($id = null) {
    global $filters;
    if ($id === null) {
        $filters = array();
    } else {
        $key = db_prepare_int($id);
        unset($filters[$key]);
    }
    return true;
}
";
    let parts = "func (c *client) getParts(name string) (*parts, error) {
	address := c.base.Resolve(name)
	parts := &parts{}
	if err := c.load(address.String(), parts); err != nil {
		return nil, err
	}
	return parts, nil
}
";
    let with = "class Query {
    Query withLimit(int limit) {
        return new Query(source(), name, limit, order, isStrict(), columns(), filter.copy(), hints);
    }
}
";
    let others = parts.replace("getParts", "partsOf").replace("name", "wanted");
    let asked = records.replace("request", "asked").replace("> names", "> namesOf");
    let closure = "export function load(lines: string[]) {
  const pick = (line: string) => {
    const parts = line.split(':');
    if (parts.length < 2 || parts[0].startsWith('#')) return undefined;
    return parts.slice(1).join(':').trim();
  };
  return lines.map(pick);
}
";
    let inner: Vec<&str> = closure.lines().skip(1).take(5).collect();
    let inner = inner.join("\n").replace("const pick", "export const pick");
    let as_it_was = |text: &str| text.to_owned();
    let buffer = "bool buffer_push(struct deque *queue, size_t wanted)
{
    if (queue->size + wanted > queue->capacity) {
        if (!queue_reserve(queue->data, queue->capacity * 2 + wanted))
            return false;
        queue->capacity = queue->capacity * 2 + wanted;
    }
    queue->size += wanted;
    return true;
}
";
    let settings = "int printer_close(void *context, const char *name)
{
    cups_printer *printer = (cups_printer *)context;
    if (!printer->is_open || strcmp(printer->name, name) != 0)
        return -1;
    if (printer->jobs != NULL && printer->waiting > 0) {
        cancel_all(printer->jobs, printer->waiting);
        release(printer->jobs);
    }
    printer->is_open = false;
    return printer->left - printer->done;
}
";
    let tasks = "let tasks = [];
export function addTask(name, weight, owner) {
  const parts = name.split(':').map((part) => part.trim());
  if (parts.length < 2 || weight <= 0) return null;
  const task = { title: parts[0], kind: parts[1], weight, owner };
  tasks.push(task);
  return task;
}
";
    let job = tasks.replace("addTask", "addJob").replace("name", "words").replace("task =", "made =");
    let job = job.replace("push(task)", "push(made)").replace("return task", "return made");
    let imported = job.replace("let tasks = [];", "import { tasks } from './old.js';");
    let host = "class Debian(Base):
    def update(self, name, limit):
        current = self.read(name).strip()
        if not current or len(current) > limit:
            raise ValueError('no name to compare with: %s' % current)
        if current != name:
            status, output = self.command(name, limit)
            self.seen.append((status, output))
        return current
";
    let of_host = |class: &str| host.replace("class Debian(Base)", class).replace("update", "renew");
    let store = "type Store struct{ rows map[string]int }

func (s *Store) Total(names []string, least int) (int, error) {
	total := 0
	for _, name := range names {
		count, known := s.rows[name]
		if !known || count < least {
			return 0, fmt.Errorf(\"no rows of %s\", name)
		}
		total += count * 2
	}
	return total, nil
}
";
    let of_store = store.replace("Total", "Sum");
    let edges = "function inCluster(edge) { return clusters.has(edge.from); }
export function pick(edges, least, labels) {
  const picked = [];
  for (const edge of edges) {
    if (edge.weight < least || !inCluster(edge)) continue;
    picked.push({ from: edge.from, label: labels[edge.to] ?? edge.to });
  }
  return picked.sort((a, b) => a.label.localeCompare(b.label));
}
";
    let own_edges = edges.replace("pick(", "choose(");
    let imported_edges = own_edges.replace(
        "function inCluster(edge) { return clusters.has(edge.from); }",
        "import { inCluster } from './old.js';",
    );
    let pins = "static int find_pin(gpio_t wanted)
{
    for (unsigned i = 0; i < ARRAY_SIZE(clock_pins); ++i) {
        if (clock_pins[i] == wanted && !is_taken(wanted))
            return i;
        if (is_last(wanted, i))
            break;
    }
    return -1;
}
";
    let other_pins = pins.replace("find_pin", "pin_of").replace("wanted", "pin");
    let message = "class Admin {
    Message find(String topic, String id) throws ClientException {
        try {
            Decoder.check(id);
            return this.client.admin().view(topic, id);
        } catch (Exception error) {
            logger.warn(id, error);
        }
        return this.client.admin().query(topic, id);
    }
}
";
    let look_up = message.replace("find(", "lookUp(");
    let in_cluster = look_up.replace("lookUp(String topic", "lookUp(String cluster, String topic");
    let in_cluster = in_cluster.replace("query(topic", "query(cluster, topic");
    let unused = "class OncePerUser < Rule
  def eligible?(order, options = {})
    if order.user.present?
      if promotion.used_by?(order.user, [order])
        errors.add(:base, message_of(:limit_once_per_user), code: :limit_once_per_user)
      end
    else
      errors.add(:base, message_of(:no_user_specified), code: :no_user_specified)
    end
    errors.empty?
  end
end
";
    let of_rule = |class: &str| unused.replace("class OncePerUser < Rule", class).replace("eligible?", "may_use?");
    let close = settings.replace("printer_close", "job_close").replace("context", "given");
    let action = "@register_action('first', FirstAction)
async def first_action(var, config, args):
    address = await templated(config[ADDRESS], args, uint8)
    var.set_address(address)
    command = await templated(config[COMMAND], args, uint8)
    var.set_command(command)
";
    let second_action = action.replace("first", "second").replace("First", "Second");
    let by_hand = second_action.replace("@register_action('second', SecondAction)\n", "");
    let page = "class Pages {
    @Get(path = \"/first\")
    public static Reply first(Asked asked) {
        return Reply.of(200).header(Names.KIND, asked.kind()).body(Store.find(asked.name(), asked.limit()).toText());
    }
}
";
    let second_page = page.replace("Pages", "Others").replace("first", "second");
    let page_by_hand = second_page.replace("    @Get(path = \"/second\")\n", "");
    let mix = "void mix(const uint8_t *from, uint8_t *to, uint8_t part)
{
    if (part == 0)
        return;
    uint8_t rest = 255 - part;
    to[0] = (uint32_t)((uint32_t)from[0] * part + to[0] * rest) >> 8;
    to[1] = (uint32_t)((uint32_t)from[1] * part + to[1] * rest) >> 8;
}
";
    let mix_again = mix.replace("void mix", "void blend");
    let mix_known = mix_again.replace("(uint32_t)((uint32_t)from", "(uint32_t)(from");
    let mix_known = mix_known.replace("* rest) >> 8", "* rest");
    let of_session = slot.replace("connection_slot", "session_slot");
    let own_slot = of_session.replace("int slot =", "int place =").replace("(slot", "(place");
    let own_slot = own_slot.replace(" slot = t", " place = t").replace("return slot", "return place");
    let order = "int by_size(const void *left, const void *right)
{
    size_t own = *(const size_t *)left;
    size_t other = *(const size_t *)right;
    return (own > other) - (own < other);
}
";
    let by_count = order.replace("by_size", "by_count").replace("own", "first");
    let create = "export class Sources {
  static create(name: string, url: string, sshKey: string) {
    return requests
      .post('/sources')
      .send({ name, repository: url, sshKey })
      .then((reply) => reply.body as Source)
      .catch((error) => report(error));
  }
}
";
    let register = create.replace("Sources", "Places").replace("create", "register");
    let forget_columns = forget.replace("forget_filter", "forget_column");
    for (extension, old, same, other) in [
        ("c", slot, of_session, own_slot),
        ("php", forget, forget_columns.clone(), forget_columns.replace("$filters", "$columns")),
        ("ts", create, register.replace("url", "address"), register.replace("sshKey", "cloudKey")),
        ("c", order, by_count.clone(), by_count.replace("size_t", "uint32_t")),
        ("c", buffer, buffer.replace("buffer_push", "grow"), buffer.replace("struct deque", "struct circlebuf")),
        ("py", action, by_hand, second_action),
        ("java", page, page_by_hand, second_page),
        ("c", mix, mix_again, mix_known),
        ("c", settings, close.clone(), close.replace("cups_printer", "android_printer")),
        ("js", tasks, imported, job),
        ("py", host, of_host("class Ubuntu(Debian)"), of_host("class Fedora(Base)")),
        ("py", host, of_host("class Ubuntu(Debian)"), of_host("class Debian(Worker)")),
        ("rb", unused, of_rule("class OncePerCart < OncePerUser"), of_rule("class OncePerUser < Condition")),
        ("c", pins, other_pins.clone(), other_pins.replace("clock_pins", "tamper_pins")),
        ("java", message, look_up.replace("class Admin", "class Tools extends Admin"), in_cluster),
        (
            "go",
            store,
            of_store.replace("type Store struct{ rows map[string]int }\n", ""),
            of_store.replace("Store", "Table"),
        ),
        ("js", edges, imported_edges, own_edges),
        ("c", toast, toast.replace("message", "words"), toast.replace("method_show_toast", "method_open_page")),
        ("java", records, asked.clone(), asked.replace("FirstRequest", "SecondRequest")),
        (
            "java",
            with,
            with.replace("withLimit", "limitedTo").replace("class Query", "class Queries"),
            with.replace("withLimit(int limit)", "withName(String name)"),
        ),
        ("go", parts, others.clone(), others.replace("*parts", "*prices").replace("parts", "prices")),
        ("ts", closure, String::new(), inner.clone()),
        ("ts", &inner, as_it_was(&inner), String::new()),
    ] {
        let repository = Repository::init(Workspace::empty());
        repository.write(&format!("src/old.{extension}"), old);
        repository.commit("old");
        for (text, count) in [(same, 1), (other, 0)] {
            if !text.is_empty() {
                repository.write(&format!("src/new.{extension}"), &text);
                let found = findings(Rule::Reinvented, &repository, Some("HEAD"));
                assert_eq!(found.len(), count, "{text}: {found:?}");
            }
        }
    }
}

/// A method beside one that takes their object in the same way, and beside one that does not.
#[test]
fn what_takes_its_object_otherwise_is_not_reinvented() {
    let row_at = "    Row *row_at(size_t place) {
        if (place >= rows.size() || !rows[place].isVisible())
            return nullptr;
        return rows[place].isPinned() ? pinned(place) : &rows[place];
    }
";
    let stream = "    pub fn as_stream(&mut self) -> impl Stream {
        match self {
            Handle::Open { events, .. } => Either::Left(pending_events(events).filter(is_wanted)),
            Handle::Closed => Either::Right(pending_events(NEVER)),
        }
    }
";
    let stream_of = stream.replace("as_stream", "stream_of");
    let find = row_at.replace("row_at", "find");
    let pane = ("src/pane.cpp", "class Pane {\n    std::vector<Row> rows;\npublic:\n", "};\n", row_at);
    let handle = ("src/handle.rs", "impl Handle {\n", "}\n", stream);
    for ((path, head, end, old), new, count) in [
        (pane, find.clone(), 1),
        (pane, find.replace("place) {", "place) const {"), 0),
        (handle, stream_of.clone(), 1),
        (handle, stream_of.replace("&mut self", "self"), 0),
        (handle, stream_of.replace("&mut self", "&self"), 0),
    ] {
        let repository = Repository::init(Workspace::empty());
        repository.write(path, format!("{head}{old}{end}"));
        repository.commit("old");
        repository.write(path, format!("{head}{old}\n{new}{end}"));
        assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")).len(), count, "{new}");
    }
}

#[test]
fn what_a_change_writes_again_is_reinvented() {
    let repository = Repository::init(Workspace::empty());
    repository.write("src/config/time.rs", PARSE_DURATION);
    repository.write("src/retry.rs", "pub fn retry() {}\n");
    repository.commit("helpers");
    let again = PARSE_DURATION.replace("pub fn parse_duration", "fn pause").replace("text", "header");
    repository.write("src/retry.rs", format!("pub fn retry() {{}}\n{again}"));
    assert_eq!(
        findings(Rule::Reinvented, &repository, Some("HEAD")),
        ["src/retry.rs:3 `parse_duration` in src/config/time.rs:2 already does this"]
    );
    // What was moved is no copy, and what was there before is no news.
    repository.remove("src/config/time.rs");
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
    repository.write("src/config/time.rs", PARSE_DURATION);
    repository.commit("both");
    repository.write("src/other.rs", "pub fn other() {}\n");
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
}

/// Lines that are new where they stand need not be new to the repository.
#[test]
fn what_was_moved_or_indented_is_not_new() {
    let repository = Repository::init(Workspace::empty());
    let wait = PARSE_DURATION.replace("parse_duration", "read_wait");
    let table = |name: &str| {
        (0..90).map(|number| format!("pub const {name}_{number}: u32 = {number};\n")).collect::<Vec<_>>().concat()
    };
    repository.write("src/config/time.rs", PARSE_DURATION);
    repository.write("src/sandbox/wait.rs", format!("{wait}{}", table("OLD")));
    repository.commit("two of a kind");
    // So much else is in the file that git does not know it again.
    repository.remove("src/sandbox/wait.rs");
    repository.write("archive/wait.rs", format!("{wait}{}", table("NEW")));
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
    repository.write("src/third.rs", PARSE_DURATION.replace("parse_duration", "pause"));
    let found = findings(Rule::Reinvented, &repository, Some("HEAD"));
    assert_eq!(found, ["src/third.rs:2 `parse_duration` in src/config/time.rs:2 already does this"]);
    repository.commit("three of a kind");
    let indented = wait.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    repository.write("archive/wait.rs", format!("pub mod wait {{\n{indented}}}\n{}", table("NEW")));
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());

    // One that got types on its way goes by its name, be it with words before it, and another name is another function.
    let typed = SPLIT_WORDS
        .replace("text, least=2)", "text: str, least: int = 2) -> list[str]")
        .replace("found = []", "found: list[str] = []");
    let repository = Repository::init(Workspace::empty());
    repository.write("models/words.py", SPLIT_WORDS);
    repository.write("models/names.py", SPLIT_WORDS.replace("split_words", "split_names"));
    repository.commit("two of a kind");
    repository.write("models/words.py", table("OLD").replace("pub const ", ""));
    repository.write("layers/words.py", &typed);
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
    for (name, count) in [("layer_split_words", 0), ("parts_of", 1)] {
        repository.write("layers/words.py", typed.replace("split_words", name));
        assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")).len(), count, "{name}");
    }

    // So does one of C, whose head has no word that says it begins one.
    let base = "unsigned long part_base(void)
{
    static void *base;

    if (is_mapped()) {
        if (!base)
            base = to_virtual(PART_BASE, KIND_SECURE);
        return (unsigned long)base;
    }
    return PART_BASE;
}
";
    let with_size = base.replace("KIND_SECURE", "KIND_SECURE, 1");
    let of_c = Repository::init(Workspace::empty());
    of_c.write("first/main.c", format!("{base}int first(void);\n"));
    of_c.write("second/main.c", &with_size);
    of_c.commit("two of a kind");
    of_c.write("first/main.c", "int first(void);\n");
    for (name, count) in [("part_base", 0), ("base_of_part", 1)] {
        of_c.write("first/part.c", with_size.replace("part_base", name));
        assert_eq!(findings(Rule::Reinvented, &of_c, Some("HEAD")).len(), count, "{name}");
    }

    // git takes the copy in another folder for the file itself, and the file that was renamed, or moved under its name, for a
    // new one.
    for (renamed, count) in [("models/words_of_text.py", 0), ("pages/words.py", 0), ("pages/parts.py", 1)] {
        let repository = Repository::init(Workspace::empty());
        for setting in ["grep.lineNumber", "grep.column", "grep.fullName"] {
            repository.git(&["config", setting, "true"]);
        }
        let old = table("OLD").replace("pub const ", "");
        repository.write("models/words.py", format!("{SPLIT_WORDS}{old}"));
        repository.write("tools/names.py", SPLIT_WORDS);
        repository.commit("two of a kind");
        repository.remove("models/words.py");
        repository.write("layers/words.py", format!("{SPLIT_WORDS}{old}"));
        repository.write(renamed, format!("{SPLIT_WORDS}{}", table("NEW").replace("pub const ", "")));
        assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")).len(), count, "{renamed}");
    }

    // One that stays where it is and is written anew below its name is an old one.
    repository.remove("layers/words.py");
    let (_, body) = typed.split_once('\n').expect("a body");
    let (head, _) = SPLIT_WORDS.split_once('\n').expect("a body");
    let anew = body.replace('\n', "  # so\n");
    repository.write("models/words.py", format!("{head}\n{anew}"));
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
    repository.write("models/words.py", format!("{}\n{anew}", head.replace("split_words", "parts_of")));
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")).len(), 1);
}

#[test]
fn what_somebody_asks_for_by_its_name_is_not_reinvented() {
    // Each module of a plug-in has it, each in its own way; a copy of one is what the next module begins with.
    let set_up = |lines: &str| {
        format!(
            "async def set_up_module(config, hub):\n    part = await new_part(config.id, hub)\n{lines}    await hub.register(part, config)\n    return part\n"
        )
    };
    let own = [
        "    part.limit = config.limit or 10\n",
        "    if config.quiet:\n        part.mute()\n",
        "    for name in config.names:\n        part.add(name)\n",
        "    log.info('set up %s', config.id)\n",
        "    part.on_close(hub.forget)\n",
        "    while not part.is_ready:\n        await sleep(1)\n",
    ];
    let repository = Repository::init(Workspace::empty());
    for number in 1..=own.len() {
        repository.write(&format!("modules/old_{number}.py"), set_up(&own[..number].concat()));
    }
    let hook = "def __getattr__(name):\n    if name in LAZY and is_installed(LAZY[name]):\n        module = import_module(LAZY[name], __name__)\n        return getattr(module, name)\n    raise AttributeError(f'{__name__} has no {name}')\n";
    repository.write("layers/first.py", hook);
    repository.commit("modules");
    repository.write("modules/new.py", set_up(&own[..2].concat()));
    repository.write("layers/second.py", hook);
    assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
    // A helper that the modules share without being asked for it is one.
    repository.remove("layers/first.py");
    repository.remove("layers/second.py");
    let helper = hook.replace("__getattr__", "load_lazily");
    repository.write("layers/helper.py", &helper);
    repository.commit("helper");
    repository.write("layers/third.py", helper);
    assert_eq!(
        findings(Rule::Reinvented, &repository, Some("HEAD")),
        ["layers/third.py:1 `load_lazily` in layers/helper.py:1 already does this"]
    );
}

#[test]
fn a_helper_of_the_same_name_and_use_is_reinvented_though_written_otherwise() {
    let repository = Repository::init(Workspace::of(
        "
//- src/paths.py
def ensure_parent_folder(path):
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        os.makedirs(parent, exist_ok=True)
        logger.debug('created %s', parent)
    return parent
",
    ));
    repository.write(
        "src/export.py",
        "def ensure_folder_parent(target):
    folder = os.path.dirname(target)
    if not folder:
        return folder
    if os.path.isdir(folder) is False:
        logger.debug('creating %s', folder)
        os.makedirs(folder, exist_ok=True)
    return folder
",
    );
    assert_eq!(
        findings(Rule::Reinvented, &repository, Some("HEAD")),
        ["src/export.py:1 `ensure_parent_folder` in src/paths.py:1 already does this"]
    );
}

/// Heads alone say nothing of what is done behind them.
#[test]
fn what_is_only_declared_is_not_reinvented() {
    let foreign = "unsafe extern \"C\" {
    pub fn write_part(
        buffer: *mut Buffer,
        start: ::std::os::raw::c_uint,
        end: ::std::os::raw::c_uint,
        text: *mut ::std::os::raw::c_char,
        size: ::std::os::raw::c_uint,
        used: *mut ::std::os::raw::c_uint,
        font: *mut Font,
        format: Format,
        flags: Flags,
        features: *const ::std::os::raw::c_char,
        feature_count: ::std::os::raw::c_uint,
        shapers: *const *const ::std::os::raw::c_char,
        callback: ::std::option::Option<unsafe extern \"C\" fn(part: *mut Part, user_data: *mut ::std::os::raw::c_void)>,
        user_data: *mut ::std::os::raw::c_void,
    ) -> ::std::os::raw::c_uint;
}
";
    let method = "class Picker {
public:
    bool write_part(
        const Vec2d& mouse,
        const Transform3d& place, // in the world
        const Camera& camera,
        Vec3f& position,
        Vec3f& normal,
        const ClippingPlane* plane = nullptr, // if there is one
        size_t* facet = nullptr,
        const std::vector<std::pair<size_t, Vec3f>>* known_facets = nullptr,
        const std::function<bool(const Vec3f& position, const Vec3f& normal)>& is_wanted = {},
        double least_distance = std::numeric_limits<double>::epsilon()
    ) const;
};
";
    for (extension, declared) in [("rs", foreign), ("hpp", method)] {
        let repository = Repository::init(Workspace::empty());
        repository.write(&format!("src/old.{extension}"), declared);
        repository.commit("old");
        let again = declared.replace("write_part", "write_whole");
        repository.write(&format!("src/new.{extension}"), again);
        assert_eq!(findings(Rule::Reinvented, &repository, Some("HEAD")), Vec::<String>::new());
    }
}
