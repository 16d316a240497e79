using System.Globalization;

namespace Rehost.Remote.Tests;

/// <summary>The objects of a host, and the calls on them that an import, an export and the checks around them need.</summary>
internal sealed class XapiDatabase
{
    private readonly Dictionary<string, Dictionary<string, Dictionary<string, object>>> _classes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _sessions = [];
    private readonly HashSet<string> _cancelled = [];
    private int _next;

    public XapiDatabase()
    {
        var repository = Add("SR", new() { ["uuid"] = Uuid(), ["name_label"] = "Local storage", ["type"] = "ext", ["content_type"] = "user", ["physical_size"] = "1000000000000", ["physical_utilisation"] = "1000000000" });
        Set("SR", repository, "PBDs", new List<string> { Add("PBD", new() { ["currently_attached"] = true }) });
        Add("pool", new() { ["default_SR"] = repository });
        Add("network", new() { ["uuid"] = Uuid(), ["name_label"] = "Pool-wide network 0", ["bridge"] = "xenbr0" });
        Add("network", new() { ["uuid"] = Uuid(), ["name_label"] = "storage", ["bridge"] = "xenbr1" });
    }

    public string Password { get; set; } = "s3cret";

    /// <summary>Whether VIF.move is known: XenServer 7.1 and later.</summary>
    public bool CanMoveAdapters { get; set; } = true;

    public int OpenSessions => _sessions.Count;

    public IReadOnlyDictionary<string, Dictionary<string, object>> All(string kind) => _classes.GetValueOrDefault(kind) ?? [];

    public string Uuid() => $"00000000-0000-4000-8000-{++_next:D12}";

    public string Add(string kind, Dictionary<string, object> fields)
    {
        lock (this)
        {
            if (!_classes.TryGetValue(kind, out var members))
            {
                _classes[kind] = members = new(StringComparer.Ordinal);
            }

            var reference = $"OpaqueRef:{kind}-{++_next}";
            members[reference] = fields;
            return reference;
        }
    }

    public void Set(string kind, string reference, string field, object value) => _classes[kind][reference][field] = value;

    public bool Has(string kind, string reference) => All(kind).ContainsKey(reference);

    public string Login(string user, string password)
    {
        if (user != "root" || password != Password)
        {
            throw new XapiRefusal("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure");
        }

        var session = $"OpaqueRef:session-{++_next}";
        _sessions.Add(session);
        return session;
    }

    public void Demand(string session)
    {
        lock (this)
        {
            if (!_sessions.Contains(session))
            {
                throw new XapiRefusal("SESSION_INVALID", session);
            }

            if (_cancelled.Count > 1000)
            {
                throw new InvalidOperationException("too many tasks");
            }
        }
    }

    public void SetProgress(string task, double progress) => Change(task, fields => fields["progress"] = progress);

    public void Succeed(string task, string result) => Change(task, fields => (fields["status"], fields["result"], fields["progress"]) = ("success", result, 1.0));

    public void Fail(string task, string code, params string[] parameters) => Change(task, fields => (fields["status"], fields["error_info"]) = ("failure", new List<string>([code, .. parameters])));

    public void Cancelled(string task) => Change(task, fields => fields["status"] = "cancelled");

    public bool IsCancelled(string task)
    {
        lock (this)
        {
            return _cancelled.Contains(task);
        }
    }

    public object Call(string method, object[] arguments)
    {
        var (kind, verb) = (method[..method.IndexOf('.', StringComparison.Ordinal)], method[(method.IndexOf('.', StringComparison.Ordinal) + 1)..]);
        return (kind, verb) switch
        {
            ("session", "logout") => Logout(),
            ("task", "create") => Add("task", new() { ["status"] = "pending", ["progress"] = 0.0, ["result"] = "", ["error_info"] = new List<string>(), ["name_label"] = arguments[0] }),
            ("task", "cancel") => _cancelled.Add((string)arguments[0]) ? "" : "",
            ("VM", "snapshot") => Snapshot((string)arguments[0], (string)arguments[1]),
            ("VIF", "move") when !CanMoveAdapters => throw new XapiRefusal("MESSAGE_METHOD_UNKNOWN", method),
            ("VIF", "move") => Store("VIF", (string)arguments[0], "network", arguments[1]),
            ("VIF", "create") => CreateAdapter((Dictionary<string, object>)arguments[0]),
            (_, "destroy") => Destroy(kind, (string)arguments[0]),
            (_, "get_all") => All(kind).Keys.ToList(),
            (_, "get_all_records") => All(kind).ToDictionary(item => item.Key, item => (object)item.Value, StringComparer.Ordinal),
            (_, "get_by_name_label") => All(kind).Where(item => item.Value.GetValueOrDefault("name_label") as string == (string)arguments[0]).Select(item => item.Key).ToList(),
            (_, "get_by_uuid") => All(kind).Where(item => item.Value.GetValueOrDefault("uuid") as string == (string)arguments[0]).Select(item => item.Key).FirstOrDefault() ?? throw new XapiRefusal("UUID_INVALID", kind, (string)arguments[0]),
            (_, "get_record") => Record(kind, (string)arguments[0]),
            (_, _) when verb.StartsWith("get_", StringComparison.Ordinal) && Record(kind, (string)arguments[0]).TryGetValue(verb[4..], out var value) => value,
            _ => throw new XapiRefusal("MESSAGE_METHOD_UNKNOWN", method),
        };

        string Logout()
        {
            _sessions.Clear();
            return "";
        }
    }

    /// <summary>A machine with one disk and one adapter, as if it had been made on the host.</summary>
    public string AddMachine(string name, string state, long diskBytes)
    {
        var disk = Add("VDI", new() { ["uuid"] = Uuid(), ["name_label"] = name + " disk", ["virtual_size"] = diskBytes.ToString(CultureInfo.InvariantCulture) });
        var machine = Add("VM", Machine(name, state));
        Set("VM", machine, "VBDs", new List<string> { Add("VBD", new() { ["VM"] = machine, ["VDI"] = disk, ["type"] = "Disk", ["userdevice"] = "0" }) });
        return machine;
    }

    private Dictionary<string, object> Machine(string name, string state) => new()
    {
        ["uuid"] = Uuid(), ["name_label"] = name, ["power_state"] = state, ["is_a_template"] = false, ["is_a_snapshot"] = false, ["is_control_domain"] = false, ["VBDs"] = new List<string>(), ["VIFs"] = new List<string>(),
    };

    private string Snapshot(string machine, string name)
    {
        var original = Record("VM", machine);
        var snapshot = AddMachine(name, "Halted", 1 << 20);
        Set("VM", snapshot, "is_a_snapshot", true);
        Set("VM", snapshot, "is_a_template", true);
        Set("VM", snapshot, "snapshot_of", original["uuid"]);
        return snapshot;
    }

    private string CreateAdapter(Dictionary<string, object> fields)
    {
        foreach (var needed in (string[])["device", "network", "VM", "MAC", "MTU", "other_config", "qos_algorithm_type", "qos_algorithm_params"])
        {
            if (!fields.ContainsKey(needed))
            {
                throw new XapiRefusal("FIELD_TYPE_ERROR", needed);
            }
        }

        var adapter = Add("VIF", new(fields, StringComparer.Ordinal));
        ((List<string>)Record("VM", (string)fields["VM"])["VIFs"]).Add(adapter);
        return adapter;
    }

    private string Destroy(string kind, string reference)
    {
        Record(kind, reference);
        _classes[kind].Remove(reference);
        foreach (var machine in All("VM").Values)
        {
            ((List<string>)machine["VIFs"]).Remove(reference);
        }

        return "";
    }

    private string Store(string kind, string reference, string field, object value)
    {
        Record(kind, reference)[field] = value;
        return "";
    }

    private Dictionary<string, object> Record(string kind, string reference)
        => All(kind).GetValueOrDefault(reference) ?? throw new XapiRefusal("HANDLE_INVALID", kind, reference);

    private void Change(string task, Action<Dictionary<string, object>> change)
    {
        lock (this)
        {
            if (All("task").GetValueOrDefault(task) is { } fields)
            {
                change(fields);
            }
        }
    }
}
