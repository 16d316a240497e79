namespace Rehost.Proof.Xen;

/// <summary>A file of this machine that dom0 is to have.</summary>
/// <param name="HostPath">Where it is.</param>
/// <param name="DomainPath">Where the guest's configuration looks for it.</param>
public sealed record XenLabFile(string HostPath, string DomainPath);
