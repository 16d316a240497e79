using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>What tells a machine from others: kept by a move, made anew for a copy.</summary>
internal sealed partial class MachineIdentityStep : ConversionStep
{
    private const string MachineId = "/etc/machine-id";
    private const string DbusMachineId = "/var/lib/dbus/machine-id";
    private const string Unit = "/etc/systemd/system/rehost-ssh-keys.service";
    private const string Script = "/etc/init.d/rehost-ssh-keys";

    private static readonly string[] Seeds = ["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/var/lib/random-seed", "/var/lib/misc/random-seed", "/var/lib/seedrng/seed.credit", "/var/lib/NetworkManager/secret_key"];

    public override string Id => "machine-identity";

    public override string Title => "Identity of the machine";

    public override string Description =>
        "A migration is not a clone: machine-id, SSH host keys, UUID, serial and MAC addresses stay, because licences, known_hosts and DHCP reservations are bound to them. With --clone the target runs beside its source and gets its own: machine-id is emptied, which " +
        "systemd fills at the next boot; SSH host keys are removed, and made anew by the guest's own start script or, where it has none that does (Debian and its kin), by a unit or script of ours that runs only while there are no keys; seeds of random numbers and DHCP leases are removed; the description gets another UUID and other MAC addresses.";

    public override ImmutableArray<string> Requirements => ["S0.36", "S1.37"];

    public override ImmutableArray<string> Reads => [MachineId, DbusMachineId, "/etc/ssh/ssh_host_*", "/var/lib/dhcp/*.leases", "/var/lib/dhcp3/*.leases", "/var/lib/dhclient/*.lease*", "/var/lib/NetworkManager/*.lease", .. Seeds, "/etc/rc2.d"];

    public override void Plan(PlanningContext context)
    {
        if (!context.Options.IsClone)
        {
            context.Skip("the machine keeps its identity: machine-id, SSH host keys, UUID and MAC addresses (--clone gives a copy its own)");
            return;
        }

        if (context.Text(MachineId) is { Length: > 0 })
        {
            context.SetText(MachineId, "", "systemd fills an empty machine-id at the next boot; two machines must not have the same.");
        }

        if (context.Facts.Files.GetValueOrDefault(DbusMachineId) is { Kind: GuestFileKind.File })
        {
            context.Delete(DbusMachineId, "D-Bus makes a new one at the next boot.");
        }

        ResetKeys(context);
        foreach (var path in context.Facts.Files.Keys.Where(path => Seeds.Contains(path) || Lease().IsMatch(path)).ToList())
        {
            context.Delete(path, Seeds.Contains(path) ? "Two machines must not begin with the same random numbers." : "The lease is of the source's address.");
        }

        context.CheckByHand($"The copy has the source's host name{(context.Facts.OperatingSystem.HostName is { } name ? $" ({name})" : "")} and static addresses: change them before it joins the same network.");
        context.Skip("the guest has nothing that tells it from others but its addresses");
    }

    private static void ResetKeys(PlanningContext context)
    {
        var keys = context.Facts.Files.Keys.Where(path => HostKey().IsMatch(path)).ToList();
        foreach (var path in keys)
        {
            context.Delete(path, "Whoever has the source's host key could pass for the copy.");
        }

        if (keys.Count == 0 || context.Facts.OperatingSystem.Family != DistributionFamily.Debian)
        {
            return; // The start scripts of the others make missing keys.
        }

        const string reason = "Debian's sshd does not start without host keys, and nothing else makes them at boot.";
        if (context.Facts.OperatingSystem.Init == InitSystem.Systemd)
        {
            context.SetText(Unit, "# Makes SSH host keys once: this machine is a copy, and got none of its source's.\n[Unit]\nDescription=SSH host keys of a copied machine\nBefore=ssh.service\nConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key\n\n[Service]\nType=oneshot\nExecStart=/usr/bin/ssh-keygen -A\n\n[Install]\nWantedBy=multi-user.target\n", reason);
            context.Link("/etc/systemd/system/multi-user.target.wants/rehost-ssh-keys.service", Unit, reason);
            return;
        }

        var kinds = keys.Select(path => HostKey().Match(path).Groups["kind"].Value).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        context.SetText(Script, $"#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          rehost-ssh-keys\n# Required-Start:    $remote_fs\n# Required-Stop:\n# Default-Start:     2 3 4 5\n# Default-Stop:\n# Short-Description: SSH host keys of a copied machine, made once\n### END INIT INFO\nfor kind in {string.Join(' ', kinds)}; do\n    file=/etc/ssh/ssh_host_${{kind}}_key\n    [ -e \"$file\" ] || ssh-keygen -q -t \"$kind\" -N '' -f \"$file\"\ndone\n", reason, 0x1ED);
        foreach (var level in "2345")
        {
            context.Link($"/etc/rc{level}.d/S01rehost-ssh-keys", "../init.d/rehost-ssh-keys", reason);
        }
    }

    [GeneratedRegex(@"^/etc/ssh/ssh_host_(?<kind>[a-z0-9]+)_key(\.pub)?$", RegexOptions.CultureInvariant)]
    private static partial Regex HostKey();

    [GeneratedRegex(@"^/var/lib/(dhcp3?|dhclient|NetworkManager)/[^/]+\.leases?$", RegexOptions.CultureInvariant)]
    private static partial Regex Lease();
}
