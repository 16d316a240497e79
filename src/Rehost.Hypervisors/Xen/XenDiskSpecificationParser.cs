using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// Parses one disk entry as xl-disk-configuration(5) says: parameters between commas, positional (target, format, vdev, access) or by name, in any mix;
/// <c>target=</c> takes the rest of the string. The deprecated prefixes of xm (<c>phy:</c> <c>file:</c> <c>tap:aio:</c> …) leave the format
/// out of the positions: target, vdev, access.
/// </summary>
internal sealed class XenDiskSpecificationParser
{
    private readonly string _text;
    private readonly string _where;
    private string? _target;
    private string? _format;
    private string? _device;
    private string? _access;
    private string? _script;
    private string? _backend;
    private bool _prefixed;
    private bool _physical;
    private bool _cdrom;

    private XenDiskSpecificationParser(string text, string where)
    {
        _text = text;
        _where = where;
    }

    /// <summary>Parses an entry.</summary>
    /// <exception cref="DiagnosticException">XEN005.</exception>
    public static XenDiskSpecification Parse(string text, string where, XenConfigPosition position)
    {
        var parser = new XenDiskSpecificationParser(text, where);
        parser.ReadParameters();
        return parser.Finish(position);
    }

    private void ReadParameters()
    {
        var rest = _text.AsSpan().TrimStart();
        var first = true;
        while (!rest.IsEmpty)
        {
            if (TryName(rest, "target", out var target))
            {
                Set(ref _target, "target", target.Trim().ToString());
                return;
            }

            if (first)
            {
                rest = StripPrefixes(rest);
            }

            var comma = rest.IndexOf(',');
            var parameter = (comma < 0 ? rest : rest[..comma]).Trim();
            rest = comma < 0 ? [] : rest[(comma + 1)..].TrimStart();
            ReadParameter(parameter, first);
            first = false;
        }
    }

    private void ReadParameter(ReadOnlySpan<char> parameter, bool first)
    {
        var equals = parameter.IndexOf('=');

        // A path may hold '=' (…/by-path/ip-10.0.0.1:3260-iscsi-iqn=…): xl wants target= then; a leading '/' leaves no doubt either.
        if (equals > 0 && !(first && parameter[0] == '/'))
        {
            var value = parameter[(equals + 1)..].Trim().ToString();
            ReadNamed(parameter[..equals].Trim().ToString().ToLowerInvariant(), value);
            return;
        }

        switch (parameter)
        {
            case "cdrom":
                _cdrom = true;
                return;
            case "discard" or "no-discard" or "direct-io-safe":
                return;
        }

        ReadPositional(parameter.ToString());
    }

    private void ReadNamed(string name, string value)
    {
        switch (name)
        {
            case "format":
                Set(ref _format, name, FormatOf(value) ?? throw Error($"unknown format '{value}'"));
                break;
            case "vdev":
                Set(ref _device, name, value);
                break;
            case "access":
                Set(ref _access, name, value);
                break;
            case "devtype":
                _cdrom = value == "cdrom" || (value == "disk" ? false : throw Error($"unknown devtype '{value}'"));
                break;
            case "script":
                Set(ref _script, name, value);
                break;
            case "backend":
                Set(ref _backend, name, value);
                break;
            case "backendtype":
                _physical |= value == "phy";
                break;
            default:
                if (!name.StartsWith("colo", StringComparison.Ordinal) && name is not ("trusted" or "specification" or "transport"))
                {
                    throw Error($"unknown parameter '{name}'");
                }

                break;
        }
    }

    private void ReadPositional(string value)
    {
        if (_target is null)
        {
            _target = value;
        }
        else if (_format is null && !_prefixed && FormatOf(value) is { } format)
        {
            _format = format;
        }
        else if (_device is null && value.Length > 0)
        {
            // Beyond xl, which wants a format here: 'disk.img,xvda,w' can mean only one thing.
            _device = value;
        }
        else if (_access is null)
        {
            _access = value;
        }
        else if (value.Length > 0)
        {
            // xm had a fifth position: the back-end domain.
            Set(ref _backend, "backend", value);
        }
    }

    private ReadOnlySpan<char> StripPrefixes(ReadOnlySpan<char> rest)
    {
        while (true)
        {
            var colon = rest.IndexOf(':');
            var end = rest.IndexOfAny(',', '/');
            if (colon <= 0 || (end >= 0 && end < colon))
            {
                return rest;
            }

            var prefix = rest[..colon].Trim().ToString();
            switch (prefix)
            {
                case "phy":
                    _physical = true;
                    break;
                case "file" or "tap" or "tap2" or "aio" or "tapdisk" or "ioemu" or "sync" or "qdisk":
                    break;
                case "raw" or "qcow" or "qcow2" or "vhd" or "qed" or "vmdk":
                    _format = prefix;
                    break;
                case "iscsi" or "nbd" or "enbd" or "drbd" or "npiv" or "rbd":
                    // What follows is the driver's own language.
                    _script = "block-" + prefix;
                    _prefixed = true;
                    return rest[(colon + 1)..];
                default:
                    throw Error($"unknown prefix '{prefix}:'");
            }

            _prefixed = true;
            rest = rest[(colon + 1)..];
        }
    }

    private XenDiskSpecification Finish(XenConfigPosition position)
    {
        var device = _device ?? throw Error("no device name (vdev, such as xvda)");
        if (device.StartsWith("ioemu:", StringComparison.Ordinal))
        {
            device = device[6..];
        }

        var suffix = device.IndexOf(':', StringComparison.Ordinal);
        if (suffix >= 0)
        {
            _cdrom |= device[(suffix + 1)..] switch
            {
                "cdrom" => true,
                "disk" => false,
                var unknown => throw Error($"unknown kind of device ':{unknown}'"),
            };
            device = device[..suffix];
        }

        var name = XenDeviceName.Normalize(device) ?? throw Error($"'{device}' is no device name such as xvda, sda1 or hda");
        if (string.IsNullOrEmpty(_target) && !_cdrom)
        {
            throw Error("no target");
        }

        var readOnly = _access switch
        {
            null or "" => _cdrom,
            "r" or "ro" => true,
            "w" or "rw" or "w!" or "!" or "rw!" => false,
            _ => throw Error($"unknown access '{_access}', not one of r, ro, w, rw"),
        };

        return new XenDiskSpecification
        {
            Text = _text,
            Position = position,
            Target = _target ?? "",
            Format = _format ?? "raw",
            DeviceName = name,
            IsReadOnly = readOnly,
            IsCdrom = _cdrom,
            IsPhysical = _physical,
            Script = _script,
            Backend = _backend is null or "" or "0" or "Domain-0" ? null : _backend,
        };
    }

    private static string? FormatOf(string value) => value switch
    {
        "" or "raw" or "aio" or "empty" => "raw",
        "qcow" or "qcow2" or "vhd" or "qed" or "vmdk" => value,
        _ => null,
    };

    private static bool TryName(ReadOnlySpan<char> rest, string name, out ReadOnlySpan<char> value)
    {
        var equals = rest.IndexOf('=');
        var found = equals > 0 && rest[..equals].TrimEnd().Equals(name, StringComparison.OrdinalIgnoreCase);
        value = found ? rest[(equals + 1)..] : [];
        return found;
    }

    private void Set(ref string? field, string name, string value) =>
        field = field is null ? value : throw Error($"'{name}' is given twice");

    private DiagnosticException Error(string message) => XenDiagnostics.BadDisk.ToException($"{message} in '{_text}'", _where);
}
